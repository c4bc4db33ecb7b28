-- title_it: Occupati residenti, 15-64 anni
-- title_en: Employed residents aged 15-64
-- definition_it: Persone di 15-64 anni residenti e occupate, indagine sulle forze di lavoro
-- definition_en: Residents aged 15-64 in employment, labour force survey
-- unit: THS_PER
-- formula: employed persons
-- theme: employment
-- directive: talents
-- direction: up
-- sources: lfst_r_lfe2emp sex T, age Y15-64
-- counts: none
select geo, period, value, value as numerator, null as denominator, [input] as inputs
from observations where dataset = 'lfst_r_lfe2emp' and sex = 'T' and age = 'Y15-64'
