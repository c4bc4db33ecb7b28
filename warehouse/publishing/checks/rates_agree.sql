-- Our rates, recomputed from counts, agree with the provider's own within its rounding, in our territory: two decimals in
-- bd_size_r3; of bd_hgnace_r no body has been seen here, so that one decimal is allowed for.
-- Elsewhere the provider's table disagrees with itself (FI1D8 in 2014 by 0.46), which is not ours to block on. The
-- provider's own growth and survival do not stop at a registered break; where we have no row, nothing is compared.
-- judged: from enterprise_births semi join territory using (geo)
-- judged: where (dataset, indicator) in (('bd_size_r3', 'V97020'), ('bd_size_r3', 'V97030'), ('bd_size_r3', 'V97015'),
-- judged: ('bd_size_r3', 'V97010'), ('bd_size_r3', 'V97043')) or (dataset = 'bd_hgnace_r' and indicator like 'ENT_%_PC')
with published (indicator, dataset, code) as (values
    ('enterprise_birth_rate', 'bd_size_r3', 'V97020'), ('enterprise_birth_rate', 'bd_hgnace_r', 'ENT_BRTHR_PC'),
    ('enterprise_death_rate', 'bd_size_r3', 'V97030'), ('enterprise_death_rate', 'bd_hgnace_r', 'ENT_DTHR_PC'),
    ('enterprise_churn', 'bd_size_r3', 'V97015'), ('enterprise_churn', 'bd_hgnace_r', 'ENT_BRTHR_DTHR_PC'),
    ('enterprise_net_growth', 'bd_size_r3', 'V97010'), ('enterprise_net_growth', 'bd_hgnace_r', 'GRW_ENT_PC'),
    ('enterprise_survival_3y', 'bd_size_r3', 'V97043'), ('enterprise_survival_3y', 'bd_hgnace_r', 'ENT_SRVLR_BRTH_Y3_PC'))
select i.indicator, i.geo, i.period, i.value as recomputed, o.value as published
from indicators i
join territory using (geo)
join published p using (indicator, dataset)
join enterprise_births o on o.dataset = i.dataset and o.indicator = p.code and o.geo = i.geo and o.period = i.period
where (o.dataset = 'bd_hgnace_r' or o.sizeclas = 'TOTAL') and (o.dataset = 'bd_size_r3' or o.nace_r2 = 'B-S_X_O_S94')
  and abs(i.value - o.value) > if(o.dataset = 'bd_size_r3', 0.005, 0.05) + 1e-9
