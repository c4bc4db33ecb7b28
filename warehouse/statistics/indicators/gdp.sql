-- theme: context
-- source_kind: accounts
-- prices: current
-- directive: territory
-- relevance: whole_economy
-- counts: none
-- interval: none
-- pitfalls: At current prices: growth over time includes inflation. Commuters produce where they do not live.
-- pitfalls_it: A prezzi correnti: la crescita nel tempo comprende l'inflazione. I pendolari producono dove non abitano.

-- id: gdp_per_head
-- title_it: PIL per abitante a prezzi correnti
-- title_en: GDP per inhabitant at current prices
-- definition_it: Prodotto interno lordo a prezzi correnti di mercato, euro per abitante
-- definition_en: Gross domestic product at current market prices, euro per inhabitant
-- unit: EUR_HAB
-- formula: GDP / population, as the provider publishes it
-- formula_it: PIL / popolazione, come pubblicato dal fornitore
-- direction: up
-- sources: nama_10r_3gdp EUR_HAB
-- sources_it: nama_10r_3gdp EUR_HAB
select geo, period, value, null as numerator, null as denominator, [input] as inputs
from observations where dataset = 'nama_10r_3gdp' and unit = 'EUR_HAB';

-- id: gross_value_added_growth
-- title_it: Crescita reale del valore aggiunto
-- title_en: Real growth of gross value added
-- definition_it: Variazione percentuale in volume del valore aggiunto lordo ai prezzi base sull'anno precedente
-- definition_en: Change in the volume of gross value added at basic prices since the year before, in percent
-- prices: constant
-- unit: PC
-- formula: change in volume since the year before in percent, published by the provider
-- formula_it: variazione percentuale in volume sull'anno precedente, pubblicata dal fornitore
-- direction: up
-- directive: sustainability
-- pitfalls: In volume, so inflation is not in it. Revised back over many years at once.
-- pitfalls_it: In volume, quindi senza inflazione. Le revisioni riguardano molti anni insieme.
-- sources: nama_10r_2gvagr na_item B1G, unit PCH_PRE
select geo, period, value, null as numerator, null as denominator, [input] as inputs
from observations where dataset = 'nama_10r_2gvagr' and na_item = 'B1G' and unit = 'PCH_PRE';
