"""`[customers.forms.NAME]`: what it sets, and what is said when it is wrong."""

from __future__ import annotations

from pathlib import Path

import pytest

from leads_dagster.customers import FormSettings
from leads_dagster.errors import SettingsError
from leads_dagster.leads_toml import read_customers

CUSTOMER = '[[customers]]\nname = "acme"\nsheet = "acme.csv"\n'


def forms(tmp_path: Path, text: str) -> dict[str, FormSettings]:
    path = tmp_path / "leads.toml"
    path.write_text(CUSTOMER + text, encoding="utf-8")
    (customer,) = read_customers(path)
    return dict(customer.forms)


def test_without_any_there_is_no_form(tmp_path: Path) -> None:
    assert forms(tmp_path, "") == {}


def test_each_form_has_its_own_settings(tmp_path: Path) -> None:
    found = forms(
        tmp_path,
        '[customers.forms.contact]\nkind = "typeform"\nsecret_env = "TYPEFORM_SECRET"\nsource = " Website "\n'
        '[customers.forms.contact.fields]\nlocation = "q-9"\n'
        '[customers.forms.crm-export]\nkind = "json"\nrecords = "items"\nkey = "id"\n',
    )

    assert found == {
        "contact": FormSettings(
            "contact", "typeform", secret_env="TYPEFORM_SECRET", source="Website", fields={"location": "q-9"}
        ),
        "crm-export": FormSettings("crm-export", "json", records="items", key="id"),
    }


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ('forms = "x"', "forms"),
        ("[customers.forms]\ncontact = 3", "forms.contact"),
        ("[customers.forms.contact]", "forms.contact.kind is missing"),
        ('[customers.forms.contact]\nkind = "tipeform"', "line 5: forms.contact.kind must be one of"),
        ('[customers.forms.contact]\nkind = "tally"\nsecret = "s3"', "unknown key secret"),
        ('[customers.forms.contact]\nkind = "tally"\nkey = "id"', 'forms.contact.key is for kind = "json" only'),
        ('[customers.forms.contact]\nkind = "tally"\nurl = "x"', 'forms.contact.url is for kind = "hubspot" only'),
        ('[customers.forms.contact]\nkind = "tally"\nsecret_env = "s3-cret"', "not the secret"),
        ('[customers.forms."a b"]\nkind = "tally"', "a name has letters"),
        ('[customers.forms.contact]\nkind = "tally"\n[customers.forms.contact.fields]\nmail = "x"', "unknown key mail"),
        ('[customers.forms.contact]\nkind = "tally"\n[customers.forms.contact.fields]\nemail = 3', "fields.email must"),
        ('[customers.forms.contact]\nkind = "tally"\nfields = "x"', "fields] is a table"),
    ],
)
def test_what_is_wrong_is_said_with_its_place(tmp_path: Path, text: str, said: str) -> None:
    with pytest.raises(SettingsError) as refusal:
        forms(tmp_path, text)

    assert said in str(refusal.value)
