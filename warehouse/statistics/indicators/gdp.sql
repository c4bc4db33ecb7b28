-- theme: context
-- source_kind: accounts
-- prices: current
-- directive: territory
-- relevance: whole_economy
-- counts: none
-- interval: none
-- pitfalls: At current prices: growth over time includes inflation. Commuters produce where they do not live.

-- id: gdp_per_head
-- title_it: PIL per abitante a prezzi correnti
-- title_en: GDP per inhabitant at current prices
-- definition_it: Prodotto interno lordo a prezzi correnti di mercato, euro per abitante
-- definition_en: Gross domestic product at current market prices, euro per inhabitant
-- unit: EUR_HAB
-- formula: GDP / population, as the provider publishes it
-- direction: up
-- sources: nama_10r_3gdp EUR_HAB
select geo, period, value, null as numerator, null as denominator, [input] as inputs
from observations where dataset = 'nama_10r_3gdp' and unit = 'EUR_HAB';
