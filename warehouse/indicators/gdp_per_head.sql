-- title_it: PIL per abitante a prezzi correnti
-- title_en: GDP per inhabitant at current prices
-- definition_it: Prodotto interno lordo a prezzi correnti di mercato, euro per abitante
-- definition_en: Gross domestic product at current market prices, euro per inhabitant
-- unit: EUR_HAB
-- formula: GDP / population, as the provider publishes it
-- theme: context
-- directive: territory
-- direction: up
-- sources: nama_10r_3gdp EUR_HAB
-- counts: none
select geo, period, value, null as numerator, null as denominator, [input] as inputs
from observations where dataset = 'nama_10r_3gdp' and unit = 'EUR_HAB'
