/** Why a client is not read; bits. */
export const Hold = { requests: 1, slow: 2, upstream: 4, delay: 8 } as const
