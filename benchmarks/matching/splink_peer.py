"""Splink on DuckDB, as a user who knows it would use it; in the peers' environment.

    python -m benchmarks.matching.splink_peer leads|febrl SHEET.csv RESULT.json

What belongs here: the models, and running them. Both are trained on the rows themselves, without their truth:
random-sampling estimates of u, expectation maximisation of m under several blocking rules. Timed is all that Splink
does, from the table to clusters at its usual 0.95; what it says of pairs goes to the parent, which picks the threshold
that suits Splink best by the answers.
"""

from __future__ import annotations

import json
import sys
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from benchmarks.measuring import timed

LOWEST_PROBABILITY = 0.01
_USUAL_PROBABILITY = 0.95
_SAMPLED_PAIRS = 5_000_000


@dataclass(frozen=True)
class Model:
    """What a user writes down for one kind of sheet.

    Attributes:
        columns: SQL of the table's columns beside `unique_id`, from a sheet whose cells are text.
        comparisons: gives Splink's comparisons.
        blocking: columns that are equal in pairs that are compared.
        certain: columns that are equal in pairs that are surely one person. recall: share of pairs they find, guessed.
        training: columns that are equal in pairs from which m is learned.
    """

    columns: str
    comparisons: Callable[[], list[Any]]
    blocking: Sequence[Sequence[str]]
    certain: Sequence[Sequence[str]]
    recall: float
    training: Sequence[Sequence[str]]


def _leads_comparisons() -> list[Any]:
    import splink.comparison_library as cl  # type: ignore[import-not-found, unused-ignore]

    return [
        cl.ForenameSurnameComparison("given", "family", forename_surname_concat_col_name="given_family"),
        cl.JaroWinklerAtThresholds("company", [0.95, 0.88]).configure(term_frequency_adjustments=True),
        cl.EmailComparison("email"),
        cl.ExactMatch("linkedin"),
        cl.ExactMatch("phone").configure(term_frequency_adjustments=True),
        cl.JaroWinklerAtThresholds("title", [0.9]),
        cl.JaroWinklerAtThresholds("location", [0.9]),
    ]


LEADS = Model(
    columns="""
        split_part(name, ' ', 1) AS given,
        split_part(name, ' ', -1) AS family,
        split_part(name, ' ', 1) || ' ' || split_part(name, ' ', -1) AS given_family,
        regexp_replace(lower(company), '[ ,]+(inc|llc|ltd|gmbh|ag|s\\.a|s\\.r\\.l|b\\.v|ab|corp|company)\\.?$', '')
            AS company,
        lower(email) AS email, lower(linkedin_url) AS linkedin, phone, lower(title) AS title,
        lower(location) AS location,
        left(split_part(name, ' ', 1), 3) AS given_3, left(split_part(name, ' ', -1), 4) AS family_4,
        left(lower(company), 6) AS company_6
        FROM (SELECT *, trim(strip_accents(lower(full_name))) AS name FROM sheet)
    """,
    comparisons=_leads_comparisons,
    blocking=(
        ("linkedin",), ("email",), ("phone",), ("family", "company_6"), ("given", "company_6"),
        ("given_3", "family_4"), ("given", "family"), ("family_4", "company"),
    ),
    certain=(("linkedin",), ("email", "family"), ("phone", "family"), ("given", "family", "company")),
    recall=0.8,
    training=(("linkedin",), ("email",), ("family", "company_6"), ("given", "family")),
)  # fmt: skip


def _febrl_comparisons() -> list[Any]:
    import splink.comparison_library as cl

    return [
        cl.NameComparison("given_name"),
        cl.NameComparison("surname"),
        cl.DamerauLevenshteinAtThresholds("date_of_birth", [1, 2]),
        cl.DamerauLevenshteinAtThresholds("soc_sec_id", [1, 2]),
        cl.ExactMatch("street_number").configure(term_frequency_adjustments=True),
        cl.JaroWinklerAtThresholds("address_1", [0.9]),
        cl.DamerauLevenshteinAtThresholds("postcode", [1]),
        cl.JaroWinklerAtThresholds("suburb", [0.9]),
    ]


FEBRL = Model(
    columns="*, left(given_name, 3) AS given_3, left(surname, 3) AS surname_3 FROM sheet",
    comparisons=_febrl_comparisons,
    blocking=(
        ("soc_sec_id",), ("date_of_birth",), ("given_name", "surname"), ("surname", "postcode"),
        ("given_name", "postcode"), ("postcode", "street_number"), ("given_3", "surname_3", "state"),
        ("address_1", "street_number"), ("suburb", "address_1"),
    ),
    certain=(("soc_sec_id", "surname"), ("given_name", "surname", "date_of_birth"), ("soc_sec_id", "date_of_birth")),
    recall=0.8,
    training=(("soc_sec_id",), ("date_of_birth",), ("given_name", "surname")),
)  # fmt: skip
MODELS = {"leads": LEADS, "febrl": FEBRL}


def run(model: Model, sheet: Path) -> dict[str, Any]:
    """What it took, and the pairs with their probabilities (row numbers from 0)."""
    import duckdb  # type: ignore[import-not-found, unused-ignore]
    from splink import DuckDBAPI, Linker, SettingsCreator, block_on

    model.comparisons()  # imports what it needs
    connection = duckdb.connect()
    api, found = DuckDBAPI(connection), []

    def work() -> None:
        connection.execute(_table(model), [str(sheet)])
        settings = SettingsCreator(
            link_type="dedupe_only",
            comparisons=model.comparisons(),
            blocking_rules_to_generate_predictions=[block_on(*columns) for columns in model.blocking],
        )
        linker = Linker(api.register("rows"), settings, log_level="ERROR")
        _train(linker, model)
        predicted = linker.inference.predict(threshold_match_probability=LOWEST_PROBABILITY)
        linker.clustering.cluster_pairwise_predictions_at_threshold(predicted, _USUAL_PROBABILITY)
        found.append(predicted)

    timing = timed(work)
    names = "unique_id_l, unique_id_r, match_probability"
    pairs = connection.execute(f"SELECT {names} FROM {found[0].physical_name}").fetchall()
    return {"seconds": timing.wall, "cpu": timing.cpu, "peak_mb": timing.peak_mb, "pairs": pairs}


def _table(model: Model) -> str:
    read = "SELECT row_number() OVER () - 1 AS unique_id, * FROM read_csv(?, all_varchar = true, header = true)"
    return f"CREATE TABLE rows AS WITH sheet AS ({read}) SELECT {_columns(model)}"


def _columns(model: Model) -> str:
    return model.columns if model.columns.startswith("*") else f"unique_id, {model.columns}"


def _train(linker: Any, model: Model) -> None:
    from splink import block_on

    certain = [block_on(*columns) for columns in model.certain]
    linker.training.estimate_probability_two_random_records_match(certain, recall=model.recall)
    linker.training.estimate_u_using_random_sampling(max_pairs=_SAMPLED_PAIRS, seed=1)
    for columns in model.training:
        linker.training.estimate_parameters_using_expectation_maximisation(block_on(*columns))


def main(arguments: Sequence[str]) -> int:
    """Run a model over a sheet and write what came of it."""
    model, sheet, result = arguments
    Path(result).write_text(json.dumps(run(MODELS[model], Path(sheet))), encoding="utf-8")
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
