-- title_it: Nascite d'impresa
-- title_en: Enterprise births
-- definition_it: Imprese nate nell'anno, escluse quelle sorte da fusioni, scissioni e ristrutturazioni
-- definition_en: Enterprises born in the year, without those that come from mergers, break-ups and restructuring
-- unit: NR
-- formula: births
-- theme: enterprise_births
-- directive: territory
-- direction: up
-- sources: bd_size_r3 V11920 to 2020, bd_hgnace_r ENT_BRTH_NR from 2021; two perimeters, never one series
-- counts: numerator
select geo, period, value, value as numerator, null as denominator, [input] as inputs
from observations
where (dataset = 'bd_size_r3' and indicator = 'V11920' and sizeclas = 'TOTAL')
   or (dataset = 'bd_hgnace_r' and indicator = 'ENT_BRTH_NR' and nace_r2 = 'B-S_X_O_S94' and period >= '2021')
