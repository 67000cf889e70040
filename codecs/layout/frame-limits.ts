import { parseSize } from './expression.ts'
import type { Issues } from './issue.ts'
import type { LengthPlan } from './length.ts'
import type { WrittenVariant } from './written-variant.ts'

/** No document may ask for more; a frame is held in memory until it is whole. */
const maxFrameLimit = 2 ** 30
const defaultMaxFrame = 2 ** 20

/** How long frames are at least and at most, bytes; `header` is what all of them have. */
export function frameLimits(
  { variant, frame, pathOf }: WrittenVariant,
  header: number,
  length: LengthPlan,
  issues: Issues,
): { readonly min: number; readonly maxFrame: number } {
  const { min: minSpec, max: maxSpec } = frame
  const maxPath = pathOf('frame', 'max')
  const minPath = pathOf('frame', 'min')
  const asked = maxSpec === undefined ? undefined : parseSize(maxSpec)
  const maxFrame = Math.min(asked ?? defaultMaxFrame, length.most)
  const min = minSpec === undefined ? header : parseSize(minSpec)
  if (Number.isNaN(asked)) issues.error(maxPath, `"${maxSpec}" is no size`, 'write 65536, 64KiB or 1MiB')
  if (Number.isNaN(min)) issues.error(minPath, `"${minSpec}" is no size`, 'write 16 or 1KiB')
  if (asked !== undefined && asked > maxFrameLimit) {
    issues.error(maxPath, `the maximum ${asked} is above what a proxy can hold, ${maxFrameLimit}`, 'at most 1GiB')
  }
  if (length.most < header) {
    const path = pathOf('frame', 'length')
    issues.error(path, `the frame's length is at most ${length.most}, below its header of ${header} bytes`)
  }
  if (min > maxFrame) {
    const path = minSpec === undefined ? maxPath : minPath
    const what = minSpec === undefined ? `the header of ${min} bytes` : `the minimum ${min}`
    issues.error(path, `${what} is above the maximum ${maxFrame}`)
  }
  if (minSpec !== undefined && min < header) {
    issues.error(
      minPath,
      `a frame length of ${min} is below the header, which ends at ${header}`,
      'leave "min" out, or mark fields optional',
    )
  }
  const ownMax = variant === undefined || variant.frame?.max !== undefined
  if (ownMax && asked !== undefined && asked > length.most)
    issues.warning(maxPath, `the maximum ${asked} is never reached: the length fields say at most ${length.most}`)
  return { min, maxFrame }
}
