-- ranks, version 1: per instant, the cross-sectional rank of each instrument's return over `bars` bars, from 0 (lowest) to
-- 1 (highest); ties share the lower rank. Parameters: source, interval, from, to, bars.
WITH returns AS (
  SELECT instrument, ts, close / LAG(close, @bars) OVER (PARTITION BY series ORDER BY ts) - 1 AS ret
  FROM `{dataset}`.bars
  WHERE superseded_in IS NULL AND source = @source AND `interval` = @interval AND ts >= @from AND ts < @to
)
SELECT instrument, ts, ret, PERCENT_RANK() OVER (PARTITION BY ts ORDER BY ret) AS rank
FROM returns
WHERE ret IS NOT NULL
ORDER BY ts, instrument
