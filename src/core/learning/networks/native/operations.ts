import type { OperationAttribute, Tensorflow, TensorflowBinding } from '../../../platform/tensorflow.js';

/** A tensor of the library, by its number. */
export type Id = number;

/**
 * TensorFlow's operations without tfjs' tensors and gradient tape, whose bookkeeping is a quarter of a small batch's time.
 * What `scope` makes is freed when it ends; what is made outside is the caller's.
 */
export class Operations {
  private readonly binding: TensorflowBinding;
  private made: Id[] | undefined;
  readonly float: OperationAttribute;

  constructor(private readonly tensorflow: Tensorflow) {
    this.binding = tensorflow.binding;
    this.float = this.type('T', 'TF_FLOAT');
  }

  scope<T>(work: () => T): T {
    const made: Id[] = [];
    this.made = made;
    try {
      return this.tensorflow.run(work);
    } finally {
      this.made = undefined;
      for (const id of made) this.binding.deleteTensor(id);
    }
  }

  /** Values must stay as they are until the tensor is freed: they may be shared, not copied. */
  tensor(shape: readonly number[], values: Float32Array | Int32Array): Id {
    const type = values instanceof Float32Array ? this.binding.TF_FLOAT : this.binding.TF_INT32;
    return this.keep(this.binding.createTensor(shape, type, values));
  }

  int64(value: number): Id {
    return this.keep(this.binding.createTensor([], this.binding.TF_INT64, Int32Array.of(value, 0)));
  }

  run(name: string, attributes: readonly OperationAttribute[], inputs: readonly Id[], outputs = 1): Id[] {
    return this.binding.executeOp(name, attributes, inputs, outputs).map(({ id }) => this.keep(id));
  }

  one(name: string, attributes: readonly OperationAttribute[], ...inputs: Id[]): Id {
    return this.run(name, attributes, inputs)[0]!;
  }

  data(id: Id): Float32Array {
    return this.binding.tensorDataSync(id);
  }

  free(ids: Iterable<Id>): void {
    for (const id of ids) this.binding.deleteTensor(id);
  }

  type(name: string, type: 'TF_FLOAT' | 'TF_INT32'): OperationAttribute {
    return { name, type: this.binding.TF_ATTR_TYPE, value: this.binding[type] };
  }

  flag(name: string, value: boolean): OperationAttribute {
    return { name, type: this.binding.TF_ATTR_BOOL, value };
  }

  integer(name: string, value: number): OperationAttribute {
    return { name, type: this.binding.TF_ATTR_INT, value };
  }

  number(name: string, value: number): OperationAttribute {
    return { name, type: this.binding.TF_ATTR_FLOAT, value };
  }

  private keep(id: Id): Id {
    this.made?.push(id);
    return id;
  }
}
