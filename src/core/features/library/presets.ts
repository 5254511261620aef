/** Named lists of features, `preset:<name>`. Changing one changes models: add a new name instead. */
export const PRESETS: Readonly<Record<string, { readonly summary: string; readonly features: string }>> = {
  core: {
    summary: 'Returns, trend, oscillators, volatility and volume: a start for any interval.',
    features:
      'ret(1), ret(5), ret(10), ret(20), ema_ratio(10,50), zscore(20), rsi(14), macd_hist(12,26,9), bb_pctb(20,2), stoch_k(14,3,3), adx(14), di_diff(14), atr_pct(14), vol_ratio(10,50), donchian_pos(20), volume_ratio(20), obv_change(20), close_loc',
  },
  momentum: {
    summary: 'Returns and trend over several horizons.',
    features:
      'ret(1), ret(3), ret(5), ret(10), ret(20), ret(60), sma_ratio(10,50), ema_ratio(10,50), ema_dist(20), slope(20), macd_hist(12,26,9), trix(15), roc(10), adx(14), di_diff(14), donchian_pos(20), donchian_pos(55), high_dist(50), low_dist(50)',
  },
  'mean-reversion': {
    summary: 'Distance from recent means and extremes.',
    features:
      'ret(1), ret(2), ret(3), zscore(5), zscore(20), zscore(50), bb_pctb(20,2), keltner_pos(20,2,10), rsi(2), rsi(14), stoch_fast(14), stoch_k(14,3,3), stoch_rsi_k(14,14,3,3), willr(14), cci(20), close_loc, gap',
  },
  volatility: {
    summary: 'Level and change of volatility.',
    features:
      'vol(10), vol(50), vol_ratio(10,50), atr_pct(14), tr_ratio(14), std_pct(20), parkinson(20), garman_klass(20), bb_width(20,2), keltner_width(20,2,10), donchian_width(20), range_pct, gap',
  },
  volume: {
    summary: 'Volume and where it went.',
    features: 'volume_ratio(20), volume_z(20), money_z(20), obv_change(20), ad_change(20), mfi(14), vwap_dist(20)',
  },
  candles: {
    summary: 'Shape of the last bars.',
    features:
      'body, upper_wick, lower_wick, close_loc, gap, range_pct, ha_body, ha_range, lag(body,1), lag(close_loc,1), ti.doji, ti.bullishengulfingpattern, ti.bearishengulfingpattern, ti.morningstar, ti.eveningstar',
  },
  intraday: {
    summary: 'Within the session: time of day, VWAP, range so far.',
    features:
      'ret(1), ret(5), ret(15), hour_sin, hour_cos, session_pos, session_ret, session_vwap_dist, session_range_pos, session_obv, rsi(14), zscore(20), atr_pct(14), volume_ratio(20)',
  },
  calendar: {
    summary: 'Time of day, week and year.',
    features: 'hour_sin, hour_cos, dow_sin, dow_cos, month_sin, month_cos',
  },
};
