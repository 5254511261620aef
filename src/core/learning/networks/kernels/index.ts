export { activate, activateBackward } from './functions';
export { lstmBackward, lstmForward } from './lstm';
export { addColumnSums, matmul, matmulTransposedA, transpose } from './matmul';
export { listActive, matmulActive, matmulTransposedActive } from './sparse';
export { adam, addTo, copy, dropout, fillZero, sumSquares } from './update';
