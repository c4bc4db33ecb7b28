-- title_it: Occupati interni, totale economia
-- title_en: Jobs located in the territory
-- definition_it: Occupati presso unità produttive del territorio (conti economici territoriali)
-- definition_en: Persons employed in production units of the territory (regional accounts, domestic concept)
-- unit: THS
-- formula: employment by place of work
-- theme: employment
-- directive: territory
-- direction: up
-- sources: nama_10r_3empers wstatus EMP, nace_r2 TOTAL
-- counts: none
select geo, period, value, value as numerator, null as denominator, [input] as inputs
from observations where dataset = 'nama_10r_3empers' and wstatus = 'EMP' and nace_r2 = 'TOTAL'
