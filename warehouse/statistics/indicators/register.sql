-- theme: enterprise_births
-- source_kind: register
-- directive: territory
-- relevance: whole_economy
-- compared_with: year_earlier
-- direction: up
-- pitfalls: Unproven: no file of this source has been seen yet. Registrations are no births: they count transfers, reorganisations and firms that never begin; never put them into one series or ratio with business demography. ATECO 2025 letters are not those of NACE Rev. 2. December and January have effects of the year's end; nothing is seasonally adjusted.
-- pitfalls_it: Non provato: nessun file di questa fonte è stato ancora visto. Le iscrizioni non sono nascite: contano trasferimenti, riorganizzazioni e imprese che non iniziano mai; mai in una serie o in un rapporto con la demografia d'impresa. Le lettere dell'Ateco 2025 non sono quelle di NACE Rev. 2. Dicembre e gennaio risentono della fine dell'anno; nulla è destagionalizzato.
create or replace temp table registered as
select geo, period, value, input, series, segment, period[:4]::int * 12 + period[6:]::int - 1 as month
from observations
where dataset = 'camcom_registrations' and freq = 'M' and indic_reg = 'IN_NR' and ateco2025 = 'TOTAL' and value is not null;

-- id: registrations_12m
-- title_it: Iscrizioni al registro delle imprese, dodici mesi
-- title_en: Registrations of enterprises, twelve months
-- definition_it: Imprese iscritte al registro nei dodici mesi che finiscono con quello indicato; si confrontano con i dodici mesi di un anno prima
-- definition_en: Enterprises entered in the register in the twelve months that end with the one named; compared with the twelve months of a year earlier
-- unit: NR
-- counts: numerator
-- interval: poisson
-- formula: sum of the monthly registrations
-- formula_it: somma delle iscrizioni mensili
-- sources: camcom_registrations indic_reg IN_NR, ateco2025 TOTAL
select geo, period, sum(value) over months as value, sum(value) over months as numerator, null as denominator,
       list(input) over months as inputs
from registered
window months as (partition by series, segment order by month rows between 11 preceding and current row)
qualify count(*) over months = 12 and min(month) over months = month - 11;

-- id: registrations_3m
-- title_it: Iscrizioni al registro delle imprese, trimestre
-- title_en: Registrations of enterprises, quarter
-- definition_it: Imprese iscritte al registro nei tre mesi del trimestre; si confrontano con lo stesso trimestre di un anno prima
-- definition_en: Enterprises entered in the register in the three months of the quarter; compared with the same quarter a year earlier
-- unit: NR
-- counts: numerator
-- interval: poisson
-- pooled: registrations_12m
-- formula: sum of the monthly registrations
-- formula_it: somma delle iscrizioni mensili
-- sources: camcom_registrations indic_reg IN_NR, ateco2025 TOTAL
select geo, (month // 12) || '-Q' || (month % 12 // 3 + 1) as period, sum(value) as value, sum(value) as numerator,
       null as denominator, list(input order by month) as inputs
from registered group by series, segment, geo, month // 12, month % 12 // 3 having count(*) = 3;

-- id: workforce_26
-- title_it: Addetti nell'elettronica, divisione Ateco 26, trimestre
-- title_en: Persons employed in electronics, ATECO division 26, quarter
-- definition_it: Addetti delle localizzazioni attive della divisione 26 dell'Ateco 2025 (computer, elettronica, ottica), per provincia; si confrontano con lo stesso trimestre di un anno prima
-- definition_en: Persons employed at active locations of division 26 of ATECO 2025 (computers, electronics, optics), by province; compared with the same quarter a year earlier
-- theme: employment
-- relevance: district_core
-- unit: PER
-- counts: none
-- interval: none
-- formula: sum of all rows of the division
-- formula_it: somma di tutte le righe della divisione
-- pitfalls: Unproven: no file of this source has been seen yet. INPS positions of the quarter before, by location: not comparable with ISTAT's local units (ASIA) nor with the regional accounts. One plant can make the figure of a province.
-- pitfalls_it: Non provato: nessun file di questa fonte è stato ancora visto. Posizioni INPS del trimestre precedente, per localizzazione: non confrontabili con le unità locali dell'ISTAT (ASIA) né con i conti territoriali. Uno stabilimento può fare il dato di una provincia.
-- sources: camcom_workforce indic_reg WF_NR, ateco2025 26
select geo, period, value, value as numerator, null as denominator, [input] as inputs
from observations where dataset = 'camcom_workforce' and indic_reg = 'WF_NR' and ateco2025 = '26';
