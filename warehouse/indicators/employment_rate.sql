-- title_it: Tasso di occupazione, 20-64 anni
-- title_en: Employment rate, 20-64 years
-- definition_it: Occupati di 20-64 anni per cento residenti della stessa età
-- definition_en: Employed persons aged 20-64 per hundred residents of that age
-- unit: PC
-- formula: employed / population of the same age x 100, as the provider publishes it
-- theme: employment
-- directive: talents
-- direction: up
-- sources: lfst_r_lfe2emprt sex T, age Y20-64
-- counts: none
select geo, period, value, null as numerator, null as denominator, [input] as inputs
from observations where dataset = 'lfst_r_lfe2emprt' and sex = 'T' and age = 'Y20-64'
