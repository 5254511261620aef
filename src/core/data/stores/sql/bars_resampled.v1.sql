-- bars_resampled, version 1: minutes put together to longer bars by XNYS session: anchored at its open, cut at its close,
-- as resample() does. A bar is there where at least one minute is. Filter ts, instrument and `interval`.
SELECT
  B.series, B.instrument, B.source, B.feed, L.length AS `interval`, S.date AS session,
  IF(L.minutes IS NULL, S.time,
    TIMESTAMP_ADD(S.time, INTERVAL DIV(TIMESTAMP_DIFF(B.ts, S.time, MINUTE), L.minutes) * L.minutes MINUTE)) AS ts,
  ARRAY_AGG(B.open ORDER BY B.ts LIMIT 1)[OFFSET(0)] AS open,
  MAX(B.high) AS high,
  MIN(B.low) AS low,
  ARRAY_AGG(B.close ORDER BY B.ts DESC LIMIT 1)[OFFSET(0)] AS close,
  SUM(B.volume) AS volume
FROM `{dataset}`.bars B
JOIN `{dataset}`.sessions S
  ON S.calendar = 'XNYS' AND DATE(S.time) = DATE(B.ts) AND B.ts >= S.time AND B.ts < S.close
CROSS JOIN UNNEST([
  STRUCT('5m' AS length, 5 AS minutes), STRUCT('10m' AS length, 10 AS minutes), STRUCT('15m' AS length, 15 AS minutes),
  STRUCT('30m' AS length, 30 AS minutes), STRUCT('1h' AS length, 60 AS minutes), STRUCT('2h' AS length, 120 AS minutes),
  STRUCT('4h' AS length, 240 AS minutes), STRUCT('1d' AS length, CAST(NULL AS INT64) AS minutes)
]) L
WHERE B.superseded_in IS NULL AND B.`interval` = '1m' AND B.scope = 'regular'
  AND S.time >= TIMESTAMP '1900-01-01 00:00:00+00'
GROUP BY 1, 2, 3, 4, 5, 6, 7
