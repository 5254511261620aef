export { type ChartTrade, candleChart } from './candles.js';
export { rollingSharpe } from './charts.js';
export { type PageSeries, reportPage } from './page.js';
