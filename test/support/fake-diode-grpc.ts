import * as grpc from '@grpc/grpc-js';
import type { GrpcFault } from './fake-diode-faults.ts';

const MESSAGE_LIMIT = 4 * 1024 * 1024;

/** A unary call whose messages stay bytes. */
export type RawCall = grpc.ServerUnaryCall<Buffer, Buffer>;
export type RawReply = (error: { code: number; details?: string } | null, bytes?: Buffer) => void;

/** The method of this path, which leaves messages as they are. */
export function rawMethod(path: string): grpc.MethodDefinition<Buffer, Buffer> {
  const same = (bytes: Buffer): Buffer => bytes;
  return {
    path,
    requestStream: false,
    responseStream: false,
    requestSerialize: same,
    requestDeserialize: same,
    responseSerialize: same,
    responseDeserialize: same,
  };
}

/** What a Diode refuses for its size. */
export function tooLarge(request: Buffer): GrpcFault | undefined {
  if (request.length <= MESSAGE_LIMIT) return undefined;
  return {
    status: grpc.status.RESOURCE_EXHAUSTED,
    message: `grpc: received message larger than max (${request.length} vs. ${MESSAGE_LIMIT})`,
  };
}
