"""Human-readable release documentation: README.md, LEGGIMI.md, data_dictionary.md, CITATION.cff.

Belongs here: sentences of a release. Does not belong here: descriptions of tables and columns, which stand in
`warehouse/publishing/published.yml`.
"""

from __future__ import annotations

from typing import Any

import yaml

from warehouse.publishing.exports.release_metadata import Facts

OPENING = """\
```sql
attach 'distretto.duckdb' (read_only);
select period, value, reliability from distretto.indicators
where geo = '{region}' and indicator = 'enterprise_births' order by period;
```
"""
READ = {
    "en": """\
# {title}

{description}

Published by: {name}. Questions: {contact}.

## Where to begin

- **Spreadsheet**: `indicators.xlsx`, a column a period, with labels; `territories/{region}.xlsx`, the same for one territory;
  or a table's `.it.csv` in Italian Excel. CSV files have our
  country, the peers and the district.
- **DuckDB**: `distretto.duckdb`, all tables, each column described.
- **Python, R, anything**: the `.parquet` of a table, with every territory.
- **Pages to look at**: `site/index.html`.

{opening}
## What to know

- No value is a missing figure, never zero; its flag says why. `reliability` C is not to be ranked.
- Read `warnings` in `catalogue` before drawing a conclusion. 2020 and 2021 are two series.
- `as_of(date '2026-12-31')` gives the observations as they were known at the end of that day.
- To add up births without counting any twice: `births_total`.
- Where a number comes from: `indicator_inputs`, then `snapshots` (address, sha256, retrieval).

## Files

| File | What |
|---|---|
| `data_dictionary.md` | every table and column |
| `datapackage.json`, `csv-metadata.json`, `catalog.ttl` | the same for machines: Data Package, CSV on the Web, DCAT |
| `feed.json`, `feed.xml` | what came, was revised, broke or was missed |
| `CITATION.cff` | how to cite |
| `release.json`, `SHA256SUMS` | how this release was made, and its checksums: `sha256sum -c SHA256SUMS` |

## Licences

{licences}

The table `catalogue` has the licence and citation of each dataset.
""",
    "it": """\
# {title}

{description}

Pubblicato da: {name}. Domande: {contact}.

## Da dove cominciare

- **Foglio di calcolo**: `indicators.xlsx`, una colonna per periodo, con le etichette;
  `territories/{region}.xlsx`, lo stesso per un territorio; oppure il `.it.csv` di una tabella, che
  Excel in italiano apre con un doppio clic. I CSV hanno il nostro paese, i confronti e il distretto.
- **DuckDB**: `distretto.duckdb`, tutte le tabelle, ogni colonna descritta.
- **Python, R, altro**: il `.parquet` di una tabella, con ogni territorio.
- **Pagine da guardare**: `site/index.html`.

{opening}
## Da sapere

- Un valore assente è un dato mancante, mai zero; il suo segno (`flag`) dice perché. Con `reliability` C non si fanno classifiche.
- Prima di concludere si leggano le avvertenze (`warnings`) in `catalogue`. Il 2020 e il 2021 sono due serie diverse.
- `as_of(date '2026-12-31')` dà le osservazioni come erano note alla fine di quel giorno.
- Da dove viene un numero: `indicator_inputs`, poi `snapshots` (indirizzo, sha256, momento del prelievo).

## File

| File | Che cosa contiene |
|---|---|
| `data_dictionary.md` | ogni tabella e colonna (in inglese) |
| `datapackage.json`, `csv-metadata.json`, `catalog.ttl` | lo stesso per le macchine: Data Package, CSV on the Web, DCAT |
| `feed.json`, `feed.xml` | che cosa è arrivato, è stato rivisto, si è rotto o è stato mancato |
| `CITATION.cff` | come citare |
| `release.json`, `SHA256SUMS` | come è nato questo rilascio, e le somme di controllo: `sha256sum -c SHA256SUMS` |

## Licenze

{licences}

La licenza e la citazione di ogni insieme di dati stanno nella tabella `catalogue`.
""",
}
NOBODY = {"en": "no address is given", "it": "nessun indirizzo indicato"}


def readme(facts: Facts, language: str, territory: dict[str, Any]) -> str:
    """README.md or LEGGIMI.md, by `language` (en, it); `territory` is our territory's file."""
    who = facts.publisher
    return READ[language].format(
        title=getattr(who.title, language),
        description=getattr(who.description, language),
        name=getattr(who.name, language),
        contact=who.email or NOBODY[language],
        opening=OPENING.format(region=territory["region"]),
        region=territory["region"],
        licences="\n".join(f"- {title}" + (f": {url}" if url else "") for title, url in facts.licences),
    )


def dictionary(facts: Facts) -> str:
    """Every table and column with its type and words, from the comments in the DuckDB file."""
    lines = ["# Data dictionary", ""]
    for table in (*facts.tables.values(), *facts.views.values()):
        lines += [f"## {table.name}", "", table.description, ""]
        if table.primary:
            lines += [f"Key: {', '.join(f'`{column}`' for column in table.primary)}.", ""]
        lines += ["| Column | Type | Meaning |", "|---|---|---|"]
        for column, kind, words in table.columns:
            points = f" Names a row of `{table.foreign[column][0]}`." if column in table.foreign else ""
            meaning = words.replace("|", "\\|")
            lines.append(f"| `{column}` | {kind.lower()} | {meaning}{points} |")
        lines.append("")
    return "\n".join(lines)


def citation(facts: Facts) -> str:
    """Citation File Format 1.2.0."""
    who = facts.publisher
    cff = {
        "cff-version": "1.2.0",
        "message": "Cite the release and the providers of the figures you use.",
        "type": "dataset",
        "title": who.title.en,
        "authors": [{"name": who.name.en}],
        "version": facts.release["release_id"],
        "date-released": f"{facts.release['built_at']:%Y-%m-%d}",
        "references": [
            {
                "type": "data",
                "title": f"{d['title_en']} ({d['provider_code']})",
                "authors": [{"name": d["provider_title"]}],
                "notes": d["citation"],
            }
            for d in facts.catalogue
        ],
    }
    return yaml.safe_dump(cff, sort_keys=False, allow_unicode=True, width=110)
