/** What ws may keep of one connection until a message is complete. */
export const WS_BOUNDS = {
  /** Fragments of one message. */
  maxFragments: 1_024,
  /** Chunks of one frame. */
  maxBufferedChunks: 1_024,
} as const;
