-- theme: context
-- source_kind: survey
-- directive: talents
-- relevance: whole_economy
-- counts: none
-- interval: none
-- pitfalls: Some years are missing or come every second one. A revision of GDP changes the ratio of years long past.
-- pitfalls_it: Alcuni anni mancano o arrivano uno su due. Una revisione del PIL cambia il rapporto di anni lontani.

-- id: research_intensity
-- title_it: Intensità di ricerca e sviluppo
-- title_en: Research and development intensity
-- definition_it: Spesa totale per ricerca e sviluppo per cento PIL
-- definition_en: Total expenditure on research and development per hundred of GDP
-- unit: PC
-- formula: GERD / GDP x 100, as the provider publishes it
-- formula_it: GERD / PIL x 100, come pubblicato dal fornitore
-- direction: up
-- sources: rd_e_gerdreg sectperf TOTAL, unit PC_GDP
select geo, period, value, null as numerator, null as denominator, [input] as inputs
from observations where dataset = 'rd_e_gerdreg' and sectperf = 'TOTAL' and unit = 'PC_GDP';

-- id: business_research_intensity
-- title_it: Intensità di ricerca e sviluppo delle imprese
-- title_en: Business research and development intensity
-- definition_it: Spesa delle imprese per ricerca e sviluppo per cento PIL
-- definition_en: Expenditure of enterprises on research and development per hundred of GDP
-- unit: PC
-- formula: BERD / GDP x 100, as the provider publishes it
-- formula_it: BERD / PIL x 100, come pubblicato dal fornitore
-- direction: up
-- sources: rd_e_gerdreg sectperf BES, unit PC_GDP
select geo, period, value, null as numerator, null as denominator, [input] as inputs
from observations where dataset = 'rd_e_gerdreg' and sectperf = 'BES' and unit = 'PC_GDP';

-- id: research_personnel
-- title_it: Personale di ricerca e sviluppo
-- title_en: Research and development personnel
-- definition_it: Personale di ricerca e sviluppo, equivalenti a tempo pieno, per cento occupati
-- definition_en: Research and development personnel, full-time equivalents, per hundred employed
-- unit: PC
-- formula: personnel in full-time equivalents / employment x 100, as the provider publishes it
-- formula_it: personale in equivalenti a tempo pieno / occupati x 100, come pubblicato dal fornitore
-- direction: up
-- sources: rd_p_persreg prof_pos TOTAL, sectperf TOTAL, sex T, unit PC_EMP_FTE
select geo, period, value, null as numerator, null as denominator, [input] as inputs
from observations where dataset = 'rd_p_persreg' and prof_pos = 'TOTAL' and sectperf = 'TOTAL' and sex = 'T' and unit = 'PC_EMP_FTE';
