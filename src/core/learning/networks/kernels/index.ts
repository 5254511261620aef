export { activate, activateBackward } from './functions';
export { lstmBackward, lstmForward } from './lstm';
export { matmul } from './matmul';
export { listActive, matmulActive, matmulTransposedActive } from './sparse';
export { squaredError, surrogateNormal, surrogateSoftmax } from './surrogate';
export { addColumnSums, matmulTransposedA, transpose } from './transposed';
export { adam, addTo, copy, dropout, fillZero, sumSquares } from './update';
