import type { PerMessageDeflateOptions } from '../../options/index.js';

/** The minimum number of bytes that one read returns, on a network with the smallest usual packets. */
const LEAST_READ = 512;

/**
 * Returns the limits for an incomplete message in ws. A large message arrives in many reads: 4 MiB take about 3,000 over
 * Ethernet.
 */
export function wsBounds(maxMessageSize: number) {
  return {
    /** The maximum number of fragments of one message. */
    maxFragments: 1_024,
    /** The maximum number of chunks of one frame. */
    maxBufferedChunks: 1_024 + Math.ceil(maxMessageSize / LEAST_READ),
  };
}

/**
 * Returns the option of ws. Each message is compressed on its own, in both directions: an idle connection keeps no compressor, and
 * the size of a message reveals nothing about another one.
 */
export function deflateOptions(option: false | PerMessageDeflateOptions) {
  return (
    option && {
      threshold: option.threshold,
      serverNoContextTakeover: true,
      clientNoContextTakeover: true,
    }
  );
}
