-- theme: employment
-- source_kind: register
-- directive: aggregation
-- relevance: sector
-- direction: up
-- pitfalls: Local units of enterprises by province (ASIA), persons employed as a yearly average with decimals; no farms and no public administration, but finance: another whole than in the quotients of sbs_r_nuts2021, never compare the two. One plant can make the figure of a province, in electronics most of all.
-- pitfalls_it: Unità locali delle imprese per provincia (ASIA), addetti come media annua con decimali; senza agricoltura e pubblica amministrazione, ma con la finanza: un totale diverso da quello dei quozienti di sbs_r_nuts2021, da non confrontare. Uno stabilimento può fare il dato di una provincia, soprattutto nell'elettronica.
create or replace temp table asia_sectors as
with counted as (
    select geo, period, nace_r2, value, input from observations
    where dataset = 'istat_asiaulp' and indicator = 'LUEMPDAA' and sizeclas = 'TOTAL' and value is not null
      and nace_r2 in ('0010', '26', '27', '62', '63', '72')
), sectors as (
    select s.sector, c.geo, c.period, sum(c.value order by c.nace_r2) as persons, list(c.input order by c.nace_r2) as inputs
    from counted c
    join (values ('26', ['26']), ('27', ['27']), ('62_63', ['62', '63']), ('72', ['72']), ('core', ['26', '72']))
        s (sector, parts) on list_contains(s.parts, c.nace_r2)
    group by s.sector, s.parts, c.geo, c.period having count(*) = len(s.parts)
)
select s.* exclude (inputs), t.value as every, s.inputs || [t.input] as inputs
from sectors s join counted t on t.nace_r2 = '0010' and t.geo = s.geo and t.period = s.period;
create or replace temp table asia_quotients as
select r.sector, r.geo, r.period, (r.persons / nullif(r.every, 0)) / nullif(c.persons / nullif(c.every, 0), 0) as value,
       r.persons as numerator, r.every as denominator,
       case when r.geo = c.geo then r.inputs else r.inputs || c.inputs end as inputs
from asia_sectors r join asia_sectors c on c.sector = r.sector and c.geo = left(r.geo, 2) and c.period = r.period;

-- id: location_quotient_electronics_provinces
-- title_it: Quoziente di localizzazione, elettronica e ottica (ATECO 26), province
-- title_en: Location quotient, electronics and optics (ATECO 26), provinces
-- definition_it: Quota di addetti del settore nel territorio divisa per quella nel suo paese; 1 vuol dire pari
-- definition_en: Share of the sector in the territory's persons employed divided by that in its country; 1 means equal
-- unit: RATIO
-- formula: (E_ir / E_r) / (E_i / E), E the persons employed in local units
-- formula_it: (E_ir / E_r) / (E_i / E), E gli addetti delle unità locali
-- counts: numerator
-- interval: none
-- proxy_for: aggregation
-- sources: istat_asiaulp LUEMPDAA, size TOTAL, divisions 26 and 0010
select * exclude (sector) from asia_quotients where sector = '26';

-- id: location_quotient_electrical_provinces
-- title_it: Quoziente di localizzazione, apparecchiature elettriche (ATECO 27), province
-- title_en: Location quotient, electrical equipment (ATECO 27), provinces
-- definition_it: Quota di addetti del settore nel territorio divisa per quella nel suo paese; 1 vuol dire pari
-- definition_en: Share of the sector in the territory's persons employed divided by that in its country; 1 means equal
-- unit: RATIO
-- formula: (E_ir / E_r) / (E_i / E), E the persons employed in local units
-- formula_it: (E_ir / E_r) / (E_i / E), E gli addetti delle unità locali
-- counts: numerator
-- interval: none
-- proxy_for: aggregation
-- sources: istat_asiaulp LUEMPDAA, size TOTAL, divisions 27 and 0010
select * exclude (sector) from asia_quotients where sector = '27';

-- id: location_quotient_it_services_provinces
-- title_it: Quoziente di localizzazione, informatica e servizi d'informazione (ATECO 62-63), province
-- title_en: Location quotient, computing and information services (ATECO 62-63), provinces
-- definition_it: Quota di addetti dei settori nel territorio divisa per quella nel suo paese; 1 vuol dire pari
-- definition_en: Share of the sectors in the territory's persons employed divided by that in its country; 1 means equal
-- unit: RATIO
-- formula: (E_ir / E_r) / (E_i / E), E the persons employed in local units
-- formula_it: (E_ir / E_r) / (E_i / E), E gli addetti delle unità locali
-- counts: numerator
-- interval: none
-- proxy_for: aggregation
-- sources: istat_asiaulp LUEMPDAA, size TOTAL, divisions 62, 63 and 0010
select * exclude (sector) from asia_quotients where sector = '62_63';

-- id: location_quotient_research_provinces
-- title_it: Quoziente di localizzazione, ricerca e sviluppo (ATECO 72), province
-- title_en: Location quotient, research and development (ATECO 72), provinces
-- definition_it: Quota di addetti del settore nel territorio divisa per quella nel suo paese; 1 vuol dire pari
-- definition_en: Share of the sector in the territory's persons employed divided by that in its country; 1 means equal
-- unit: RATIO
-- formula: (E_ir / E_r) / (E_i / E), E the persons employed in local units
-- formula_it: (E_ir / E_r) / (E_i / E), E gli addetti delle unità locali
-- counts: numerator
-- interval: none
-- proxy_for: aggregation
-- sources: istat_asiaulp LUEMPDAA, size TOTAL, divisions 72 and 0010
select * exclude (sector) from asia_quotients where sector = '72';

-- id: location_quotient_district_core_provinces
-- title_it: Quoziente di localizzazione, nucleo del distretto (ATECO 26 e 72), province
-- title_en: Location quotient, core of the district (ATECO 26 and 72), provinces
-- definition_it: Quota di addetti dei due settori nel territorio divisa per quella nel suo paese; 1 vuol dire pari
-- definition_en: Share of the two sectors in the territory's persons employed divided by that in its country; 1 means equal
-- relevance: district_core
-- unit: RATIO
-- formula: (E_ir / E_r) / (E_i / E), E the persons employed in local units
-- formula_it: (E_ir / E_r) / (E_i / E), E gli addetti delle unità locali
-- counts: numerator
-- interval: none
-- proxy_for: aggregation
-- sources: istat_asiaulp LUEMPDAA, size TOTAL, divisions 26, 72 and 0010
select * exclude (sector) from asia_quotients where sector = 'core';

-- id: electronics_persons_employed
-- title_it: Addetti delle unità locali, elettronica e ottica (ATECO 26)
-- title_en: Persons employed in local units, electronics and optics (ATECO 26)
-- definition_it: Addetti, media annua, delle unità locali di imprese attive della divisione 26
-- definition_en: Persons employed, yearly average, in local units of active enterprises of division 26
-- relevance: district_core
-- directive: territory
-- unit: NR
-- formula: persons employed
-- formula_it: addetti
-- counts: numerator
-- interval: none
-- sources: istat_asiaulp LUEMPDAA, size TOTAL, division 26
select geo, period, value, value as numerator, null as denominator, [input] as inputs
from observations where dataset = 'istat_asiaulp' and indicator = 'LUEMPDAA' and sizeclas = 'TOTAL' and nace_r2 = '26';

-- id: electronics_local_units
-- title_it: Unità locali, elettronica e ottica (ATECO 26)
-- title_en: Local units, electronics and optics (ATECO 26)
-- definition_it: Unità locali di imprese attive della divisione 26
-- definition_en: Local units of active enterprises of division 26
-- relevance: district_core
-- directive: territory
-- unit: NR
-- formula: local units
-- formula_it: unità locali
-- counts: numerator
-- interval: none
-- sources: istat_asiaulp LU, size TOTAL, division 26
select geo, period, value, value as numerator, null as denominator, [input] as inputs
from observations where dataset = 'istat_asiaulp' and indicator = 'LU' and sizeclas = 'TOTAL' and nace_r2 = '26';
