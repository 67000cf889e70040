/** Why a client, or an upstream's connection (`slow`, `order`, `turn`), is not read; bits. */
export const Hold = { requests: 1, slow: 2, upstream: 4, delay: 8, order: 16, turn: 32 } as const
