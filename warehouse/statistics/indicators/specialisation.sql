-- theme: employment
-- source_kind: survey
-- directive: aggregation
-- relevance: sector
-- unit: RATIO
-- direction: up
-- counts: numerator
-- interval: none
-- proxy_for: aggregation
-- formula: (E_ir / E_r) / (E_i / E), E the persons employed in local units
-- formula_it: (E_ir / E_r) / (E_i / E), E gli addetti delle unità locali
-- pitfalls: One plant can make the figure of a region. E is the business economy without finance (NACE B to J, L to N), in the region and in its country. Above 1.25 a territory is usually called specialised.
-- pitfalls_it: Un solo stabilimento può fare il valore di una regione. E è l'economia d'impresa senza la finanza (NACE da B a J, da L a N), nella regione e nel suo paese. Sopra 1,25 un territorio si dice di solito specializzato.
create or replace temp table local_units as
with counted as (
    select geo, period, nace_r2, value, input from observations
    where dataset = 'sbs_r_nuts2021' and indicator = 'EMP_LOC_NR' and value is not null
      and nace_r2 in ('B', 'C', 'D', 'E', 'F', 'G', 'H', 'I', 'J', 'L', 'M', 'N', 'C26', 'C27', 'J62', 'J63', 'M72')
), totals as (
    select geo, period, sum(value) as every, list(input order by nace_r2) as inputs
    from counted where length(nace_r2) = 1 group by geo, period having count(*) = 12
), sectors as (
    select s.sector, c.geo, c.period, sum(c.value) as persons, list(c.input order by c.nace_r2) as inputs
    from counted c
    join (values ('C26', ['C26']), ('C27', ['C27']), ('J62_J63', ['J62', 'J63']), ('M72', ['M72']), ('core', ['C26', 'M72']))
        s (sector, parts) on list_contains(s.parts, c.nace_r2)
    group by s.sector, s.parts, c.geo, c.period having count(*) = len(s.parts)
)
select s.*, t.every, s.inputs || t.inputs as inputs_of_both from sectors s join totals t on t.geo = s.geo and t.period = s.period;
create or replace temp table quotients as
select r.sector, r.geo, r.period, (r.persons / nullif(r.every, 0)) / nullif(c.persons / nullif(c.every, 0), 0) as value,
       r.persons as numerator, r.every as denominator,
       case when r.geo = c.geo then r.inputs_of_both else r.inputs_of_both || c.inputs_of_both end as inputs
from local_units r join local_units c on c.sector = r.sector and c.geo = left(r.geo, 2) and c.period = r.period;

-- id: location_quotient_electronics
-- title_it: Quoziente di localizzazione, elettronica e ottica (NACE 26)
-- title_en: Location quotient, electronics and optics (NACE 26)
-- definition_it: Quota di addetti del settore nella regione divisa per quella nel suo paese; 1 vuol dire pari
-- definition_en: Share of the sector in the region's persons employed divided by that in its country; 1 means equal
-- sources: sbs_r_nuts2021 EMP_LOC_NR, C26 and sections B to J, L to N
-- sources_it: sbs_r_nuts2021 EMP_LOC_NR, C26 e le sezioni da B a J, da L a N
select * exclude (sector) from quotients where sector = 'C26';

-- id: location_quotient_electrical
-- title_it: Quoziente di localizzazione, apparecchiature elettriche (NACE 27)
-- title_en: Location quotient, electrical equipment (NACE 27)
-- definition_it: Quota di addetti del settore nella regione divisa per quella nel suo paese; 1 vuol dire pari
-- definition_en: Share of the sector in the region's persons employed divided by that in its country; 1 means equal
-- sources: sbs_r_nuts2021 EMP_LOC_NR, C27 and sections B to J, L to N
-- sources_it: sbs_r_nuts2021 EMP_LOC_NR, C27 e le sezioni da B a J, da L a N
select * exclude (sector) from quotients where sector = 'C27';

-- id: location_quotient_it_services
-- title_it: Quoziente di localizzazione, informatica e servizi d'informazione (NACE 62-63)
-- title_en: Location quotient, computing and information services (NACE 62-63)
-- definition_it: Quota di addetti dei settori nella regione divisa per quella nel suo paese; 1 vuol dire pari
-- definition_en: Share of the sectors in the region's persons employed divided by that in its country; 1 means equal
-- sources: sbs_r_nuts2021 EMP_LOC_NR, J62, J63 and sections B to J, L to N
-- sources_it: sbs_r_nuts2021 EMP_LOC_NR, J62, J63 e le sezioni da B a J, da L a N
select * exclude (sector) from quotients where sector = 'J62_J63';

-- id: location_quotient_research
-- title_it: Quoziente di localizzazione, ricerca e sviluppo (NACE 72)
-- title_en: Location quotient, research and development (NACE 72)
-- definition_it: Quota di addetti del settore nella regione divisa per quella nel suo paese; 1 vuol dire pari
-- definition_en: Share of the sector in the region's persons employed divided by that in its country; 1 means equal
-- sources: sbs_r_nuts2021 EMP_LOC_NR, M72 and sections B to J, L to N
-- sources_it: sbs_r_nuts2021 EMP_LOC_NR, M72 e le sezioni da B a J, da L a N
select * exclude (sector) from quotients where sector = 'M72';

-- id: location_quotient_district_core
-- title_it: Quoziente di localizzazione, nucleo del distretto (NACE 26 e 72)
-- title_en: Location quotient, core of the district (NACE 26 and 72)
-- definition_it: Quota di addetti dei due settori nella regione divisa per quella nel suo paese; 1 vuol dire pari
-- definition_en: Share of the two sectors in the region's persons employed divided by that in its country; 1 means equal
-- relevance: district_core
-- sources: sbs_r_nuts2021 EMP_LOC_NR, C26, M72 and sections B to J, L to N
-- sources_it: sbs_r_nuts2021 EMP_LOC_NR, C26, M72 e le sezioni da B a J, da L a N
select * exclude (sector) from quotients where sector = 'core';
