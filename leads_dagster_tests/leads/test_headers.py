"""Headers become columns of a lead, in every language, and never somebody else's columns."""

from __future__ import annotations

import pytest

from leads_dagster.errors import SettingsError, UnknownHeadersError
from leads_dagster.leads.fields import LEAD_FIELDS
from leads_dagster.leads.header_aliases import LANGUAGES, fold_header, recognize, vocabulary
from leads_dagster.leads.headers import PART_TARGETS, header_words, map_headers, suggestions


def targets(header: str, sample: tuple[tuple[str, ...], ...] = ()) -> list[str | None]:
    return [column.target for column in map_headers(header.split(","), sample=sample).columns]


LANGUAGE_SHEETS = {
    "en": (
        "First Name,Surname,Employer,Job Title,E-mail Address,Telephone,Mobile,Address,Town,Postcode,Country,Web Site,"
        "Sector,Headcount,Lead Source,Remarks",
        "first_name,last_name,company,title,email,phone,phone,street,city,postal_code,country,website,industry,"
        "company_size,source,notes",
    ),
    "de": (
        "Anrede,Vorname,Nachname,Firma,Funktion,Straße,PLZ,Ort,Bundesland,Land,Telefon geschäftlich,Telefon privat,"
        "Handy,E-Mail-Adresse,Webseite,Branche,Mitarbeiterzahl,Quelle,Status,Bemerkungen,Kunden-Nr.",
        "name_prefix,first_name,last_name,company,title,street,postal_code,city,region,country,phone,phone,phone,"
        "email,website,industry,company_size,source,status,notes,row_id",
    ),
    "fr": (
        "Civilité,Nom,Prénom,Société,Fonction,Adresse,Code postal,Ville,Pays,Téléphone,Portable,Adresse e-mail,"
        "Site web,Secteur d'activité,Effectif,Commentaires,Statut",
        "name_prefix,last_name,first_name,company,title,street,postal_code,city,country,phone,phone,email,website,"
        "industry,company_size,notes,status",
    ),
    "es": (
        "Nombre,Apellidos,Empresa,Cargo,Correo electrónico,Teléfono,Teléfono móvil,Dirección,Ciudad,Provincia,"
        "Código postal,País,Sitio web,Número de empleados,Estado,Observaciones",
        "first_name,last_name,company,title,email,phone,phone,street,city,region,postal_code,country,website,"
        "company_size,status,notes",
    ),
    "it": (
        "Nome,Cognome,Azienda,Ruolo,Indirizzo email,Telefono,Cellulare,Indirizzo,Città,CAP,Provincia,Stato,Sito web,"
        "Settore,Dipendenti,Note",
        "first_name,last_name,company,title,email,phone,phone,street,city,postal_code,region,country,website,industry,"
        "company_size,notes",
    ),
    "pt": (
        "Nome,Sobrenome,Empresa,Cargo,E-mail,Telefone,Celular,Endereço,Cidade,Estado,CEP,País,Site,Setor,"
        "Funcionários,Observações",
        "first_name,last_name,company,title,email,phone,phone,street,city,region,postal_code,country,website,industry,"
        "company_size,notes",
    ),
    "nl": (
        "Voornaam,Tussenvoegsel,Achternaam,Bedrijfsnaam,Functie,E-mailadres,Telefoonnummer,Mobiel,Adres,Postcode,"
        "Plaats,Land,Website,Branche,Aantal medewerkers,Opmerkingen",
        "first_name,middle_name,last_name,company,title,email,phone,phone,street,postal_code,city,country,website,"
        "industry,company_size,notes",
    ),
    "pl": (
        "Imię,Nazwisko,Firma,Stanowisko,Adres e-mail,Telefon,Telefon komórkowy,Ulica,Kod pocztowy,Miasto,Województwo,"
        "Kraj,Strona www,Branża,Liczba pracowników,Źródło,Uwagi",
        "first_name,last_name,company,title,email,phone,phone,street,postal_code,city,region,country,website,industry,"
        "company_size,source,notes",
    ),
}


@pytest.mark.parametrize("language", LANGUAGES)
def test_a_sheet_in_each_language_is_understood(language: str) -> None:
    header, expected = LANGUAGE_SHEETS[language]
    mapping = map_headers(header.split(","))
    assert [column.target for column in mapping.columns] == expected.split(",")
    assert mapping.language == language


@pytest.mark.parametrize(
    "header",
    [
        "Email Address",
        "EMAIL_ADDRESS",
        "emailAddress",
        "e-mail address",
        "  E-Mail  Address: ",
        "E\u2011Mail-Adresse",
        "Correo Electrónico",
        "CORREO ELECTRONICO",
        "correo_electronico",
        "Adrés e-mail",
        "Email*",
        "Email (required)",
        "Email__c",
        "Ｅｍａｉｌ",
        "Correo electrÃ³nico",
    ],
)
def test_case_accents_punctuation_and_spaces_do_not_matter(header: str) -> None:
    assert targets(header) == ["email"]


@pytest.mark.parametrize(("one", "other"), [("Straße", "STRASSE"), ("Größe", "groesse"), ("Büro", "buero")])
def test_umlauts_may_be_written_out(one: str, other: str) -> None:
    assert fold_header(one) == fold_header(other) or recognize(f"Telefon {one}") == recognize(f"Telefon {other}")


@pytest.mark.parametrize(
    "header",
    [
        "Lead Owner",
        "Account Owner",
        "Contact owner",
        "Owner Email",
        "Owner Name",
        "OWNERID",
        "Created By",
        "Created Date",
        "Connected On",
        "Manager",
        "Manager's Name",
        "Manager Email",
        "Assistant's Phone",
        "Assistant Name",
        "Parent company",
        "Parent Company Name",
        "Spouse",
        "Referred By",
        "Fax",
        "Business Fax",
        "Fax number 2",
        "Company Linkedin Url",
        "Email Status",
        "E-mail Display Name",
        "Email Opt Out",
        "Phone Type",
        "Phonetic First Name",
        "Maiden Name",
        "Nickname",
        "Index",
        "#",
        "Nr.",
        "StatusID",
        "Skype ID",
        "Government ID Number",
        "Deal Name",
        "Campaign Name",
        "File name",
        "Product Name",
        "User Name",
        "Name 2",
        "Company 2",
        "Anniversary",
        "Leadership",
        "Contacted",
        "Mailing list",
        "Email/Phone",
        "Phone/Assistant",
        "/",
        "",
    ],
)
def test_what_is_not_the_leads_own_is_kept_as_it_is(header: str) -> None:
    assert map_headers(["Full Name", header]).columns[1].target is None


@pytest.mark.parametrize(
    ("header", "expected"),
    [
        ("Contact: Email", "email"),
        ("Lead Email", "email"),
        ("Work E-mail", "email"),
        ("Primary Contact Email", "email"),
        ("Billing City", "city"),
        ("Company Phone", "phone"),
        ("Phone (work)", "phone"),
        ("Tel. mobil", "phone"),
        ("Téléphone professionnel", "phone"),
        ("Organization Website", "website"),
        ("Account Industry", "industry"),
        ("Contact Name", "full_name"),
        ("Lead Name", "full_name"),
        ("Lead Status", "status"),
        ("Scraped at", "scraped_at"),
        ("enriched_at", "enriched_at"),
        ("needs_enrichment", "needs_enrichment"),
        ("Email verified?", "verified"),
        ("Emails", "email"),
        ("Person - Phone - Mobile", "phone"),
        ("Primary Company", "company"),
        ("Email de contacto", "email"),
        ("E-mail corporativo", "email"),
        ("Phone number (with area code)", "phone"),
        ("Telefon/Handy", "phone"),
        ("Company / Organisation", "company"),
        ("LinkedIn Contact Profile URL", "linkedin_url"),
    ],
)
def test_words_around_an_alias_are_understood(header: str, expected: str) -> None:
    assert map_headers(["Email 9", header]).columns[1].target == expected


def test_several_columns_of_one_target_are_ranked_best_first() -> None:
    header = ["Other Phone", "Home Phone", "Phone 2", "Mobile", "Phone", "Phone"]
    ranked = sorted(map_headers(["Name", *header]).columns[1:], key=lambda column: column.rank)
    assert [column.label for column in ranked] == ["Phone", "Phone_2", "Phone 2", "Mobile", "Home Phone", "Other Phone"]
    assert [column.rank for column in ranked] == list(range(6))


def test_parts_of_one_address_share_their_ten() -> None:
    header = "Name,Shipping City,Shipping Country,Billing Country,Billing City,Billing State,Billing Region"
    ranks = {column.label: column.rank for column in map_headers(header.split(",")).columns[1:]}
    assert ranks == {
        "Shipping City": 10,
        "Shipping Country": 10,
        "Billing Country": 0,
        "Billing City": 0,
        "Billing State": 0,
        "Billing Region": 1,
    }


# --- "Name" ---


@pytest.mark.parametrize(
    ("header", "expected"),
    [
        ("Name,Email", ["full_name", "email"]),
        ("Name,Phone", ["full_name", "phone"]),
        ("Name,Vorname", ["last_name", "first_name"]),
        ("Nom,Prénom", ["last_name", "first_name"]),
        ("Name,Surname", ["first_name", "last_name"]),
        ("Nome,Cognome", ["first_name", "last_name"]),
        ("Name,First Name,Last Name", ["full_name", "first_name", "last_name"]),
        ("Name,Company,Industry,Annual Revenue", ["full_name", "company", "industry", None]),
        ("Name,Industry,Website", ["full_name", "industry", "website"]),
        ("Name,Industry,Annual Revenue", ["company", "industry", None]),
        ("Name,Email,Industry,Annual Revenue", ["full_name", "email", "industry", None]),
        ("Name,Job Title,Industry,Employees", ["full_name", "title", "industry", "company_size"]),
        ("Index,Organization Id,Name,Founded,Employees", [None, "row_id", "company", None, "company_size"]),
        ("Name,Rechtsform,USt-ID", ["company", None, None]),
        ("Customer,Email", ["full_name", "email"]),
        ("Customer,First Name,Last Name", ["company", "first_name", "last_name"]),
        ("Customer,Company,Contact Name", [None, "company", "full_name"]),
    ],
)
def test_a_name_is_what_the_whole_sheet_says_it_is(header: str, expected: list[str | None]) -> None:
    assert targets(header) == expected


# --- other undecided headers ---


def test_a_title_beside_a_job_title_is_a_form_of_address() -> None:
    assert targets("Title,Name,Job Title") == ["name_prefix", "full_name", "title"]
    assert targets("Title,Name") == ["title", "full_name"]


def test_a_title_that_holds_only_forms_of_address_is_one() -> None:
    assert targets("Titel,Name", (("Dr.", "A"), ("", "B"), ("Prof. Dr.", "C"))) == ["name_prefix", "full_name"]
    assert targets("Titel,Name", (("Dr.", "A"), ("CEO", "B"))) == ["title", "full_name"]


def test_an_url_is_a_profile_where_linkedin_or_the_rows_say_so() -> None:
    assert targets("First Name,Last Name,URL,Connected On")[2] == "linkedin_url"
    assert targets("Name,URL", (("A", "https://www.linkedin.com/in/a"),))[1] == "linkedin_url"
    assert targets("Name,URL", (("A", "https://a.example"),))[1] == "website"
    assert targets("Name,Link", (("A", "https://a.example"),))[1] is None
    assert targets("Name,Link", (("A", "linkedin.com/in/a"),))[1] == "linkedin_url"


def test_an_address_is_a_street_only_beside_its_city() -> None:
    assert targets("Name,Address,City")[1] == "street"
    assert targets("Name,Address")[1] == "location"


def test_the_rows_own_id_goes_before_the_accounts_and_only_one_stays() -> None:
    assert targets("Name,Account ID,Contact ID,Id") == ["full_name", None, None, "row_id"]
    assert targets("Name,Account ID,Contact ID") == ["full_name", None, "row_id"]
    assert targets("Name,Account ID") == ["full_name", "row_id"]


def test_an_account_id_that_several_rows_share_is_no_row_id() -> None:
    shared = tuple(("n", f"A{number // 2}") for number in range(20))
    own = tuple(("n", f"A{number}") for number in range(20))
    assert targets("Name,Account ID", shared)[1] is None
    assert targets("Name,Account ID", own)[1] == "row_id"
    assert targets("Name,Contact ID", shared)[1] == "row_id"


# --- overrides ---


def test_the_customers_own_columns_win() -> None:
    mapping = map_headers(["Name", "Phone", "Rufnr", "Email"], overrides={"phone": "Rufnr", "company": "Name"})
    assert [(column.target, column.rank) for column in mapping.columns] == [
        ("company", 0),
        ("phone", 1),
        ("phone", 0),
        ("email", 0),
    ]


@pytest.mark.parametrize("header", ["Ruf-Nr.", " ruf nr ", "Rufnr", "column_2", "Ruf-Nr._2"])
def test_the_header_of_an_override_may_be_folded_or_a_label(header: str) -> None:
    columns = map_headers(["Ruf-Nr.", "", "Ruf-Nr.", "Email"], overrides={"phone": header}).columns
    assert [column.target for column in columns].count("phone") == 1


def test_parts_of_fields_can_be_set_too() -> None:
    assert map_headers(["A", "B"], overrides={"first_name": "A", "row_id": "B"}).columns[1].target == "row_id"


@pytest.mark.parametrize(
    ("overrides", "message", "advice"),
    [
        ({"emial": "Email"}, '"emial", which is no field', 'Did you mean "email"?'),
        ({"zzz": "Email"}, '"zzz", which is no field', '"full_name", "linkedin_url"'),
        ({"email": "E-Mial"}, 'email = "E-Mial": the sheet has no such column', 'Did you mean "Email"?'),
        ({"email": "qqqqqq"}, "no such column", 'There are: "Name", "Email"'),
        ({"email": "Email", "phone": "EMAIL"}, '"Email" to two fields', ""),
    ],
)
def test_a_wrong_override_is_refused_with_the_nearest_name(
    overrides: dict[str, str], message: str, advice: str
) -> None:
    with pytest.raises(SettingsError) as caught:
        map_headers(["Name", "Email"], overrides=overrides)
    assert message in caught.value.message
    assert advice in caught.value.advice
    assert caught.value.exit_code == 2


# --- nothing known ---


def test_unknown_headers_are_listed_with_the_nearest_alias() -> None:
    with pytest.raises(UnknownHeadersError) as caught:
        map_headers(["Emial", "frist_name", "column3", "Phone"])
    assert '"Emial" (nearest: "email")' in caught.value.message
    assert '"frist_name" (nearest: "first name")' in caught.value.message
    assert '"column3"' in caught.value.message
    assert "[customers.columns] in leads.toml" in caught.value.advice


def test_a_long_header_is_cut_in_the_message() -> None:
    with pytest.raises(UnknownHeadersError) as caught:
        map_headers(["y" * 1_000_000, *(f"x{number}" for number in range(1999))])
    assert "and 1970 more" in caught.value.message
    assert len(str(caught.value)) < 2000


def test_a_column_of_addresses_under_an_unknown_header_is_suggested_and_not_taken() -> None:
    sample = (("1", "a@b.example"), ("2", ""), ("3", "c@d.example"))
    with pytest.raises(UnknownHeadersError) as caught:
        map_headers(["foo", "bar"], sample=sample)
    assert '"bar" looks like email.' in caught.value.advice
    assert 'email = "bar"' in caught.value.advice

    mapping = map_headers(["Name", "bar"], sample=sample)
    assert mapping.columns[1].target is None
    assert [(each.field, each.label) for each in suggestions(mapping, sample)] == [("email", "bar")]


@pytest.mark.parametrize(
    "row",
    [
        ["Jane", "Doe", "jane@acme.example", "CEO"],
        ["Jane Doe", "https://www.linkedin.com/in/janedoe"],
        ["Acme", "www.acme.example", "Lead"],
        ["a@b.example"],
    ],
)
def test_a_sheet_without_header_is_refused_and_told_so(row: list[str]) -> None:
    with pytest.raises(UnknownHeadersError, match="no header row") as caught:
        map_headers(row)
    assert "Insert a row above it" in caught.value.advice
    assert all(cell not in str(caught.value) for cell in row if "@" in cell)


def test_a_sheet_of_phones_alone_makes_no_lead() -> None:
    with pytest.raises(UnknownHeadersError):
        map_headers(["Phone", "City"])


# --- the table itself ---


def test_every_target_of_the_table_is_one_that_exists() -> None:
    undecided = {"?name", "?customer", "?title", "?address", "?url", "?link", "?site", "?state", "?stato"}
    known = {*LEAD_FIELDS, *PART_TARGETS, *undecided}
    assert {found.target for found in vocabulary().aliases.values()} <= known
    assert {target for modifier in vocabulary().modifiers for target in modifier.targets} <= known


def test_every_field_of_a_lead_can_be_reached_by_its_own_name() -> None:
    for field in LEAD_FIELDS:
        recognized = recognize(field)
        assert recognized is not None, field
        assert recognized.target in (field, f"?{field}")


@pytest.mark.parametrize("language", LANGUAGES)
def test_every_language_names_the_fields_that_make_a_lead(language: str) -> None:
    named = {found.target for found in vocabulary().aliases.values() if language in found.languages}
    assert {"full_name", "last_name", "email", "phone", "company", "title", "city", "country"} <= named


def test_header_words_are_counted_and_data_is_not() -> None:
    assert header_words(["First Name", "Email", "foo", ""]) == 2
    assert header_words(["Jo", "a@b.example", "12"]) == 0
    assert header_words(["foo", "bar"], overrides={"email": "FOO"}) == 1
