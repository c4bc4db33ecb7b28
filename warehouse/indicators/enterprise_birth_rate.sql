-- title_it: Tasso di natalità delle imprese
-- title_en: Enterprise birth rate
-- definition_it: Imprese nate nell'anno per cento imprese attive nello stesso anno
-- definition_en: Enterprises born in the year per hundred enterprises active in it
-- unit: PC
-- formula: births / active enterprises x 100
-- theme: enterprise_births
-- directive: territory
-- direction: up
-- sources: bd_size_r3 V11920, V11910 to 2020; bd_hgnace_r ENT_BRTH_NR, ENT_NR from 2021
-- counts: numerator
select b.geo, b.period, b.value / nullif(a.value, 0) * 100 as value, b.value as numerator, a.value as denominator,
       [b.input, a.input] as inputs
from observations b
join observations a on a.dataset = b.dataset and a.geo = b.geo and a.period = b.period and a.nace_r2 = b.nace_r2
                   and a.sizeclas is not distinct from b.sizeclas
where (b.dataset = 'bd_size_r3' and b.indicator = 'V11920' and a.indicator = 'V11910' and b.sizeclas = 'TOTAL')
   or (b.dataset = 'bd_hgnace_r' and b.indicator = 'ENT_BRTH_NR' and a.indicator = 'ENT_NR' and b.nace_r2 = 'B-S_X_O_S94'
       and b.period >= '2021')
