/** Parameters that several paths about changes have. */

export const fileName = {
  type: 'string',
  minLength: 1,
  maxLength: 512,
  description: 'Below the folder; `/` as %2F.',
} as const

/** Of a path with a revision in it. */
export const revisionParams = {
  type: 'object',
  properties: { revision: { type: 'integer', minimum: 0, description: 'Number of the revision.' } },
  required: ['revision'],
} as const
