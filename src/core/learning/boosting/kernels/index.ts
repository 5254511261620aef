export { buildHistogram, subtractHistogram } from './histogram';
export { exponential, largestPair, logisticPairs, softmaxPairs, squaredPairs } from './objective';
export { addTreeByBins, gatherPairs, partitionBlock, sampleRows } from './partition';
export { assignBins, chooseCuts, columnKeys, sortKeys } from './quantize';
export { evaluateGroup } from './split';
export { anyMissing, predictTrees, transposeRows } from './predict';
