import type { ServerResponse } from 'node:http';

export interface Reply {
  status: number;
  body: unknown;
  headers?: Record<string, string>;
}

/** What a fault may do with one request. `process` lets the venue act and gives its reply. */
export interface FaultContext {
  readonly process: () => Reply;
  readonly send: (reply: Reply) => void;
  readonly response: ServerResponse;
  readonly destroy: () => void;
}
export type Fault = (context: FaultContext) => void;

const json = { 'content-type': 'application/json' };

/** Recorded, then the socket is dropped before the reply. */
export const dropAfter: Fault = ({ process, destroy }) => {
  process();
  destroy();
};
/** The socket is dropped and nothing is recorded. */
export const dropBefore: Fault = ({ destroy }) => destroy();
/** Recorded, but answered with a gateway's error. */
export const statusAfter =
  (status: number): Fault =>
  ({ process, response }) => {
    process();
    response.writeHead(status, { 'content-type': 'text/html' }).end('<html>Gateway</html>');
  };
/** Recorded; the reply is cut off in the middle of its body. */
export const cutOff: Fault = ({ process, response, destroy }) => {
  const text = JSON.stringify(process().body);
  response.writeHead(200, { ...json, 'content-length': String(text.length + 100) });
  response.write(text.slice(0, 20));
  setTimeout(destroy, 10);
};
/** Recorded, but answered 200 with a web page. */
export const htmlAfter: Fault = ({ process, response }) => {
  process();
  response.writeHead(200, { 'content-type': 'text/html' }).end('<html><body>maintenance</body></html>');
};
/** Recorded, answered 200 without a body. */
export const emptyAfter: Fault = ({ process, response }) => {
  process();
  response.writeHead(200, json).end();
};
/** Never answered, never recorded. */
export const hang: Fault = () => {};
/** Never answered, but recorded. */
export const hangAfter: Fault = ({ process }) => {
  process();
};
/** A fixed reply without the venue acting. */
export const reply =
  (status: number, body: unknown, headers: Record<string, string> = {}): Fault =>
  ({ response }) => {
    response.writeHead(status, { ...json, ...headers }).end(typeof body === 'string' ? body : JSON.stringify(body));
  };
/** Recorded, but answered with a fixed reply. */
export const replyAfter =
  (status: number, body: unknown): Fault =>
  ({ process, response }) => {
    process();
    response.writeHead(status, json).end(JSON.stringify(body));
  };
/** The venue acts; its JSON is changed on the way (not validated: the point is that it lies). */
export const mutate =
  (change: (body: never) => unknown): Fault =>
  ({ process, response }) => {
    const { status, body } = process();
    response.writeHead(status, json).end(JSON.stringify(change(structuredClone(body) as never)));
  };
/** The venue answers after a pause. */
export const delay =
  (ms: number): Fault =>
  ({ process, send }) => {
    setTimeout(() => send(process()), ms);
  };
