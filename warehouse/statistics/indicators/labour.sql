-- theme: employment
-- source_kind: survey
-- directive: talents
-- relevance: whole_economy
-- counts: none
-- interval: none
-- pitfalls: Labour force survey: residents, a sample, whose errors the provider does not publish here; flag u says where they are large. The survey changed in 2021 (flag b).
-- pitfalls_it: Forze di lavoro: residenti, un campione, i cui errori il fornitore qui non pubblica; la lettera u dice dove sono grandi. L'indagine è cambiata nel 2021 (lettera b).

-- id: employed_persons
-- title_it: Occupati residenti, 15-64 anni
-- title_en: Employed residents aged 15-64
-- definition_it: Persone di 15-64 anni residenti e occupate, indagine sulle forze di lavoro
-- definition_en: Residents aged 15-64 in employment, labour force survey
-- unit: THS_PER
-- formula: employed persons
-- formula_it: occupati
-- direction: up
-- sources: lfst_r_lfe2emp sex T, age Y15-64
-- sources_it: lfst_r_lfe2emp sex T, age Y15-64
select geo, period, value, value as numerator, null as denominator, [input] as inputs
from observations where dataset = 'lfst_r_lfe2emp' and sex = 'T' and age = 'Y15-64';

-- id: employment_rate
-- title_it: Tasso di occupazione, 20-64 anni
-- title_en: Employment rate, 20-64 years
-- definition_it: Occupati di 20-64 anni per cento residenti della stessa età
-- definition_en: Employed persons aged 20-64 per hundred residents of that age
-- unit: PC
-- formula: employed / population of the same age x 100, as the provider publishes it
-- formula_it: occupati / popolazione della stessa età x 100, come pubblicato dal fornitore
-- direction: up
-- sources: lfst_r_lfe2emprt sex T, age Y20-64
-- sources_it: lfst_r_lfe2emprt sex T, age Y20-64
select geo, period, value, null as numerator, null as denominator, [input] as inputs
from observations where dataset = 'lfst_r_lfe2emprt' and sex = 'T' and age = 'Y20-64';

-- id: unemployment_rate
-- title_it: Tasso di disoccupazione, 15-74 anni
-- title_en: Unemployment rate, 15-74 years
-- definition_it: Disoccupati di 15-74 anni per cento persone delle forze di lavoro
-- definition_en: Unemployed persons aged 15-74 per hundred persons in the labour force
-- unit: PC
-- formula: unemployed / labour force x 100, as the provider publishes it
-- formula_it: disoccupati / forze di lavoro x 100, come pubblicato dal fornitore
-- direction: down
-- sources: lfst_r_lfu3rt isced11 TOTAL, sex T, age Y15-74
-- sources_it: lfst_r_lfu3rt isced11 TOTAL, sex T, age Y15-74
select geo, period, value, null as numerator, null as denominator, [input] as inputs
from observations where dataset = 'lfst_r_lfu3rt' and isced11 = 'TOTAL' and sex = 'T' and age = 'Y15-74';

-- id: high_tech_employment_share
-- title_it: Quota di occupati nell'alta tecnologia
-- title_en: Share of high technology in employment
-- definition_it: Occupati nei settori ad alta tecnologia (NACE 21, 26, 59-63, 72) per cento occupati
-- definition_en: Employment in high-technology sectors (NACE 21, 26, 59-63, 72) per hundred employed
-- relevance: sector
-- unit: PC
-- formula: high-technology employment / employment x 100, as the provider publishes it
-- formula_it: occupati nell'alta tecnologia / occupati x 100, come pubblicato dal fornitore
-- direction: up
-- sources: htec_emp_reg2 nace_r2 HTC, unit PC_EMP, sex T
select geo, period, value, null as numerator, null as denominator, [input] as inputs
from observations where dataset = 'htec_emp_reg2' and nace_r2 = 'HTC' and unit = 'PC_EMP' and sex = 'T';

-- id: knowledge_intensive_employment_share
-- title_it: Quota di occupati nei servizi ad alta intensità di conoscenza
-- title_en: Share of knowledge-intensive services in employment
-- definition_it: Occupati nei servizi ad alta intensità di conoscenza per cento occupati
-- definition_en: Employment in knowledge-intensive services per hundred employed
-- relevance: sector
-- unit: PC
-- formula: employment in knowledge-intensive services / employment x 100, as the provider publishes it
-- formula_it: occupati nei servizi ad alta intensità di conoscenza / occupati x 100, come pubblicato dal fornitore
-- direction: up
-- sources: htec_emp_reg2 nace_r2 KIS, unit PC_EMP, sex T
select geo, period, value, null as numerator, null as denominator, [input] as inputs
from observations where dataset = 'htec_emp_reg2' and nace_r2 = 'KIS' and unit = 'PC_EMP' and sex = 'T';

-- id: human_resources_in_science
-- title_it: Risorse umane in scienza e tecnologia, nucleo
-- title_en: Human resources in science and technology, core
-- definition_it: Persone con istruzione terziaria e professione scientifica o tecnica, per cento forze di lavoro
-- definition_en: Persons with both tertiary education and a science or technology occupation, per hundred in the labour force
-- unit: PC
-- formula: HRSTC / labour force x 100, as the provider publishes it
-- formula_it: HRSTC / forze di lavoro x 100, come pubblicato dal fornitore
-- direction: up
-- sources: hrst_st_rcat category HRSTC, unit PC_ACT
select geo, period, value, null as numerator, null as denominator, [input] as inputs
from observations where dataset = 'hrst_st_rcat' and category = 'HRSTC' and unit = 'PC_ACT';

-- id: human_resources_in_science_all
-- title_it: Risorse umane in scienza e tecnologia, totale
-- title_en: Human resources in science and technology, all
-- definition_it: Persone con istruzione terziaria o con professione scientifica o tecnica, per cento forze di lavoro
-- definition_en: Persons with tertiary education, a science or technology occupation, or both, per hundred in the labour force
-- unit: PC
-- formula: HRST / labour force x 100, as the provider publishes it
-- formula_it: HRST / forze di lavoro x 100, come pubblicato dal fornitore
-- direction: up
-- sources: hrst_st_rcat category HRST, unit PC_ACT
select geo, period, value, null as numerator, null as denominator, [input] as inputs
from observations where dataset = 'hrst_st_rcat' and category = 'HRST' and unit = 'PC_ACT';

-- id: scientists_and_engineers
-- title_it: Scienziati e ingegneri
-- title_en: Scientists and engineers
-- definition_it: Scienziati e ingegneri per cento forze di lavoro
-- definition_en: Scientists and engineers per hundred in the labour force
-- relevance: sector
-- unit: PC
-- formula: scientists and engineers / labour force x 100, as the provider publishes it
-- formula_it: scienziati e ingegneri / forze di lavoro x 100, come pubblicato dal fornitore
-- direction: up
-- sources: hrst_st_rcat category SE, unit PC_ACT
select geo, period, value, null as numerator, null as denominator, [input] as inputs
from observations where dataset = 'hrst_st_rcat' and category = 'SE' and unit = 'PC_ACT';

-- id: employment_rate_provinces
-- title_it: Tasso di occupazione, 20-64 anni, province
-- title_en: Employment rate, 20-64 years, provinces
-- definition_it: Occupati di 20-64 anni per cento residenti della stessa età, secondo l'ISTAT
-- definition_en: Employed persons aged 20-64 per hundred residents of that age, as ISTAT publishes them
-- unit: PC
-- formula: employed / population of the same age x 100, as the provider publishes it
-- formula_it: occupati / popolazione della stessa età x 100, come pubblicato dal fornitore
-- direction: up
-- pitfalls: A province's sample is small: read several years, rank nothing by one. ISTAT publishes relative errors in its notes only. Never beside the regional rate of Eurostat: revisions differ.
-- pitfalls_it: Il campione di una provincia è piccolo: si leggano più anni, nessuna graduatoria da uno solo. L'ISTAT pubblica gli errori relativi solo nelle note. Mai accanto al tasso regionale di Eurostat: le revisioni sono diverse.
-- sources: istat_taxoccu1 EMP_R, sex 9 (total), age Y20-64
select geo, period, value, null as numerator, null as denominator, [input] as inputs
from observations where dataset = 'istat_taxoccu1' and indicator = 'EMP_R' and sex = '9' and age = 'Y20-64';

-- id: employment_rate_15_89_provinces
-- title_it: Tasso di occupazione, 15-89 anni, province
-- title_en: Employment rate, 15-89 years, provinces
-- definition_it: Occupati di 15-89 anni per cento residenti della stessa età, secondo l'ISTAT
-- definition_en: Employed persons aged 15-89 per hundred residents of that age, as ISTAT publishes them
-- unit: PC
-- formula: employed / population of the same age x 100, as the provider publishes it
-- formula_it: occupati / popolazione della stessa età x 100, come pubblicato dal fornitore
-- direction: up
-- pitfalls: A province's sample is small: read several years, rank nothing by one. ISTAT publishes relative errors in its notes only. Never beside the regional rate of Eurostat: ages and revisions differ.
-- pitfalls_it: Il campione di una provincia è piccolo: si leggano più anni, nessuna graduatoria da uno solo. L'ISTAT pubblica gli errori relativi solo nelle note. Mai accanto al tasso regionale di Eurostat: età e revisioni sono diverse.
-- sources: istat_taxoccu1 EMP_R, sex 9 (total), age Y15-89
select geo, period, value, null as numerator, null as denominator, [input] as inputs
from observations where dataset = 'istat_taxoccu1' and indicator = 'EMP_R' and sex = '9' and age = 'Y15-89';

-- id: unemployment_rate_provinces
-- title_it: Tasso di disoccupazione, 15-74 anni, province
-- title_en: Unemployment rate, 15-74 years, provinces
-- definition_it: Disoccupati di 15-74 anni per cento persone delle forze di lavoro, secondo l'ISTAT
-- definition_en: Unemployed persons aged 15-74 per hundred persons in the labour force, as ISTAT publishes them
-- unit: PC
-- formula: unemployed / labour force x 100, as the provider publishes it
-- formula_it: disoccupati / forze di lavoro x 100, come pubblicato dal fornitore
-- direction: down
-- pitfalls: A province's sample is small: read several years, rank nothing by one. ISTAT publishes relative errors in its notes only. Never beside the regional rate of Eurostat: revisions differ.
-- pitfalls_it: Il campione di una provincia è piccolo: si leggano più anni, nessuna graduatoria da uno solo. L'ISTAT pubblica gli errori relativi solo nelle note. Mai accanto al tasso regionale di Eurostat: le revisioni sono diverse.
-- sources: istat_taxdisoccu1 UNEM_R, sex 9 (total), age Y15-74
select geo, period, value, null as numerator, null as denominator, [input] as inputs
from observations where dataset = 'istat_taxdisoccu1' and indicator = 'UNEM_R' and sex = '9' and age = 'Y15-74';
