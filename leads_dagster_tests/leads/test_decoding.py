"""What the bytes of an export are, and which letters they hold."""

from __future__ import annotations

import pytest

from leads_dagster.errors import SheetFormatError
from leads_dagster.leads.decoding import decode

GERMAN = "Vorname;Nachname;Ort\nJürgen;Müller;Köln\nBärbel;Größmann;Düsseldorf\nRenée;Weiß;Straßburg\n"
FRENCH = "Prénom;Nom;Société\nFrançois;Hervé;Pâtisserie d'Été\nÉlodie;Lefèvre;Hôtel Noël\nAnaïs;Garçon;Crèmerie\n"
POLISH = "Imię;Nazwisko;Miasto\nPaweł;Wiśniewski;Łódź\nMałgorzata;Dąbrowska;Kraków\nŻaneta;Zając;Gdańsk\n"
CZECH = "Jméno;Příjmení;Město\nTomáš;Dvořák;Plzeň\nJiří;Nováček;Ústí\nLuděk;Růžička;České Budějovice\n"
SPANISH = "Nombre;Empresa\nJosé Núñez;Peña y Cía\nÁngel Muñoz;Diseño Gráfico\nIñigo;¿Qué?\n"
PORTUGUESE = "Nome;Empresa\nJoão Conceição;Construções Irmãos\nInês Simões;Açúcar\n"
TURKISH = "Ad;Soyad\nŞükrü;Yıldız\nAyşe;Çağlar\nİsmail;Öğün\n"
RUSSIAN = "Имя;Фамилия\nИван;Петров\nМария;Иванова\nКонстантин;Щербаков\n"
GREEK = "Όνομα;Πόλη\nΓιώργος;Αθήνα\nΜαρία;Θεσσαλονίκη\n"
JAPANESE = "姓,名,会社,Email\n山田,太郎,株式会社テスト,taro@example.jp\n鈴木,花子,日本電気株式会社,h@example.jp\n" * 10
CHINESE = "姓名,公司,Email\n王小明,北京科技有限公司,w@example.cn\n李雷,上海贸易有限公司,l@example.cn\n" * 10
KOREAN = "이름,회사,Email\n김철수,삼성전자,k@example.kr\n이영희,현대자동차,l@example.kr\n" * 10


@pytest.mark.parametrize(
    ("text", "encoding"),
    [
        (GERMAN, "utf-8"),
        (GERMAN, "cp1252"),
        (GERMAN, "mac_roman"),
        (GERMAN, "cp850"),
        (FRENCH, "cp1252"),
        (FRENCH, "mac_roman"),
        (SPANISH, "cp1252"),
        (SPANISH, "cp850"),
        (PORTUGUESE, "cp1252"),
        (POLISH, "cp1250"),
        (POLISH, "iso8859_2"),
        (CZECH, "cp1250"),
        (CZECH, "iso8859_2"),
        (TURKISH, "cp1254"),
        (RUSSIAN, "cp1251"),
        (RUSSIAN, "koi8_r"),
        (GREEK, "cp1253"),
        (JAPANESE, "cp932"),
        (JAPANESE, "euc_jp"),
        (CHINESE, "gb18030"),
        (CHINESE, "big5"),
        (KOREAN, "cp949"),
    ],
)
def test_the_code_page_is_told_by_the_letters_it_makes(text: str, encoding: str) -> None:
    data = text.encode(encoding, "ignore")
    decoded = decode(data)
    assert decoded.text == data.decode(encoding)
    assert decoded.encoding == encoding
    assert not decoded.had_bom
    assert decoded.replaced == 0


@pytest.mark.parametrize("text", [GERMAN, FRENCH, SPANISH, PORTUGUESE])
def test_latin_1_is_read_as_cp1252_which_holds_its_letters(text: str) -> None:
    decoded = decode(text.encode("latin-1"))
    assert (decoded.text, decoded.encoding) == (text, "cp1252")


@pytest.mark.parametrize(
    "text",
    [
        "Name\nJosé\n",
        "Name\nO’Brien – “Best” 5 €\n",
        "Street\nNº 77, 5º piso\n",
        "Name;X\nŠkoda;Žižka\nMüller;Köln\n",
        FRENCH + SPANISH + GERMAN + PORTUGUESE + "Bjørn;Ångström;Tromsø\n",
    ],
)
def test_little_or_mixed_evidence_means_cp1252(text: str) -> None:
    decoded = decode(text.encode("cp1252"))
    assert (decoded.text, decoded.encoding) == (text, "cp1252")


def test_bytes_that_no_code_page_explains_become_latin_1_so_that_none_is_lost() -> None:
    decoded = decode(b"Name\n5 \x81 6 \x9d\n")
    assert decoded.encoding == "latin-1"
    assert decoded.text.encode("latin-1") == b"Name\n5 \x81 6 \x9d\n"


@pytest.mark.parametrize("text", [GERMAN, CHINESE, "Name\nA\n"])
@pytest.mark.parametrize("encoding", ["utf-16-le", "utf-16-be", "utf-32-le", "utf-32-be", "utf-8"])
@pytest.mark.parametrize("mark", ["", "\ufeff"])
def test_unicode_is_read_with_and_without_byte_order_mark(text: str, encoding: str, mark: str) -> None:
    decoded = decode((mark + text).encode(encoding))
    assert decoded.text == text
    assert decoded.encoding == encoding
    assert decoded.had_bom == bool(mark)


def test_a_second_byte_order_mark_is_no_part_of_the_first_header() -> None:
    assert decode("\ufeff\ufeffName\n".encode()).text == "Name\n"


def test_a_cut_utf_16_file_is_read_to_its_last_whole_character() -> None:
    decoded = decode(GERMAN.encode("utf-16")[:-1])
    assert decoded.text == GERMAN[:-1] + "\ufffd"
    assert decoded.replaced == 1


def test_foreign_bytes_inside_utf_8_are_read_as_cp1252_and_counted() -> None:
    decoded = decode("Müller,Łódź,Кон\n".encode() * 20 + "Schäfer,50 €\n".encode("cp1252"))
    assert decoded.encoding == "utf-8"
    assert decoded.text.endswith("Кон\nSchäfer,50 €\n")
    assert decoded.replaced == 2


@pytest.mark.parametrize("encoding", ["utf-8", "cp1252", "utf-16"])
def test_nul_characters_are_left_out_and_counted(encoding: str) -> None:
    decoded = decode("Na\x00me,Émail\nJo\x00,a@b.example\n".encode(encoding))
    assert decoded.text == "Name,Émail\nJo,a@b.example\n"
    assert decoded.replaced == 2


def test_the_dos_end_of_file_mark_is_left_out() -> None:
    assert decode(b"Name\r\nJo\r\n\x1a").text == "Name\r\nJo\r\n"


@pytest.mark.parametrize(
    ("data", "words"),
    [
        (b"", "empty"),
        (b"PK\x03\x04\x14\x00\x06\x00[Content_Types].xml", "Excel workbook or another zip"),
        (b"PK\x05\x06" + b"\x00" * 18, "empty zip"),
        (b"\xd0\xcf\x11\xe0\xa1\xb1\x1a\xe1" + b"\x00" * 100, r"\.xls"),
        (b"%PDF-1.7\n%\xe2\xe3", "PDF"),
        (b"\x1f\x8b\x08\x00", "gzip"),
        (b"\x89PNG\r\n\x1a\n\x00", "PNG"),
        (b"\xff\xd8\xff\xe0", "JPEG"),
        (b"SQLite format 3\x00", "SQLite"),
        (b"PAR1\x15\x04", "Parquet"),
        (bytes(range(256)) * 40, "binary"),
        (b"\n  <!DOCTYPE html><html><body>Sign in</body></html>", "web page"),
        (b"<html>", "web page"),
        ("\ufeff<HTML lang='de'>".encode("utf-16"), "web page"),
        (b"<?xml version='1.0'?><Workbook/>", "XML"),
        (b'{"error": {"code": 403}}', "JSON"),
        (b'[\n  {"name": "Jo"}\n]', "JSON"),
        (b"[]", "JSON"),
    ],
)
def test_what_is_no_table_is_refused_with_its_name_and_what_to_do(data: bytes, words: str) -> None:
    with pytest.raises(SheetFormatError, match=words) as caught:
        decode(data)
    assert caught.value.advice
    assert caught.value.exit_code == 1


@pytest.mark.parametrize(
    "text", ["<name>,<email>\n", "[Name],[Email]\n", "{name},{email}\n", "BZ,Name\n", "Rar,Name\n"]
)
def test_headers_in_brackets_are_not_taken_for_markup(text: str) -> None:
    assert decode(text.encode()).text == text
