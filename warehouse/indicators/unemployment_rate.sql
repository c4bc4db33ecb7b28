-- title_it: Tasso di disoccupazione, 15-74 anni
-- title_en: Unemployment rate, 15-74 years
-- definition_it: Disoccupati di 15-74 anni per cento persone delle forze di lavoro
-- definition_en: Unemployed persons aged 15-74 per hundred persons in the labour force
-- unit: PC
-- formula: unemployed / labour force x 100, as the provider publishes it
-- theme: employment
-- directive: talents
-- direction: down
-- sources: lfst_r_lfu3rt isced11 TOTAL, sex T, age Y15-74
-- counts: none
select geo, period, value, null as numerator, null as denominator, [input] as inputs
from observations where dataset = 'lfst_r_lfu3rt' and isced11 = 'TOTAL' and sex = 'T' and age = 'Y15-74'
