-- rolling, version 1: mean, deviation and z-score of the close over the last bars of each series, and the one-bar return,
-- as the indicators and features of these names have them. Parameters: source, interval, from, to, bars, before (= bars - 1).
-- The first bars - 1 rows of a series are NULL: ask for a `from` early enough to warm up.
WITH windows AS (
  SELECT series, instrument, ts, close,
    LAG(close) OVER (PARTITION BY series ORDER BY ts) AS previous,
    ARRAY_AGG(close) OVER (PARTITION BY series ORDER BY ts ROWS BETWEEN @before PRECEDING AND CURRENT ROW) AS last
  FROM `{dataset}`.bars
  WHERE superseded_in IS NULL AND source = @source AND `interval` = @interval AND ts >= @from AND ts < @to
),
moments AS (
  SELECT instrument, ts, close, previous, ARRAY_LENGTH(last) = @bars AS warm,
    (SELECT AVG(x) FROM UNNEST(last) AS x) AS mean,
    (SELECT STDDEV_POP(x) FROM UNNEST(last) AS x) AS deviation
  FROM windows
)
SELECT instrument, ts, close, close / previous - 1 AS ret,
  IF(warm, mean, NULL) AS mean,
  IF(warm, deviation, NULL) AS deviation,
  IF(warm, (close - mean) / NULLIF(deviation, 0), NULL) AS zscore
FROM moments
ORDER BY instrument, ts
