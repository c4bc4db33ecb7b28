-- title_it: Addetti delle imprese attive
-- title_en: Persons employed in active enterprises
-- definition_it: Addetti (dipendenti e indipendenti) delle imprese attive nell'anno, per sede dell'impresa
-- definition_en: Persons employed (employees and self-employed) in the enterprises active in the year, by seat of the enterprise
-- unit: PER
-- formula: persons employed
-- theme: employment
-- directive: territory
-- direction: up
-- sources: bd_size_r3 V16910 to 2020, bd_hgnace_r EMP_NR from 2021; two perimeters, never one series
-- counts: numerator
select geo, period, value, value as numerator, null as denominator, [input] as inputs
from observations
where (dataset = 'bd_size_r3' and indicator = 'V16910' and sizeclas = 'TOTAL')
   or (dataset = 'bd_hgnace_r' and indicator = 'EMP_NR' and nace_r2 = 'B-S_X_O_S94' and period >= '2021')
