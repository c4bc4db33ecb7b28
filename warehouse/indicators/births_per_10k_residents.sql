-- title_it: Nascite d'impresa per 10.000 residenti di 15-64 anni
-- title_en: Enterprise births per 10,000 residents aged 15-64
-- definition_it: Imprese nate nell'anno per 10.000 residenti di 15-64 anni al 1° gennaio
-- definition_en: Enterprises born in the year per 10,000 residents aged 15-64 on 1 January
-- unit: PER_10THS_HAB
-- formula: births / population 15-64 x 10,000
-- theme: enterprise_births
-- directive: territory
-- direction: up
-- sources: bd_size_r3 V11920 to 2020, bd_hgnace_r ENT_BRTH_NR from 2021; demo_r_pjanaggr3 sex T, age Y15-64
-- counts: numerator
select b.geo, b.period, b.value / nullif(p.value, 0) * 10000 as value, b.value as numerator, p.value as denominator,
       [b.input, p.input] as inputs
from observations b
join observations p on p.geo = b.geo and p.period = b.period
where p.dataset = 'demo_r_pjanaggr3' and p.sex = 'T' and p.age = 'Y15-64'
  and ((b.dataset = 'bd_size_r3' and b.indicator = 'V11920' and b.sizeclas = 'TOTAL')
       or (b.dataset = 'bd_hgnace_r' and b.indicator = 'ENT_BRTH_NR' and b.nace_r2 = 'B-S_X_O_S94' and b.period >= '2021'))
