-- bars_standing, version 1: the bars that stand, without superseded rows. A filter on ts prunes months.
SELECT series, instrument, source, feed, scope, `interval`, ts, open, high, low, close, volume
FROM `{dataset}`.bars
WHERE superseded_in IS NULL
