import type { RevisionFigures } from '../api/schema.ts'
import classes from './figures.module.css'
import { bars, placesOfMarks } from './trend.ts'

/** Units of the picture; it is stretched to the size it gets. */
const WIDTH = 1_000
const HEIGHT = 34

/** Requests of each step as bars, the failed part of them marked, and lines at moments, such as where a change was applied. */
export function Course({
  steps,
  window,
  marks,
  label,
  width = '100%',
  height = HEIGHT,
}: {
  readonly steps: RevisionFigures['services'][number]['steps']
  /** ms since 1970. */
  readonly window: { readonly from: number; readonly to: number }
  /** ms since 1970; those outside of the window are left out. */
  readonly marks: readonly number[]
  readonly label: string
  /** px; without it that of what is around it. */
  readonly width?: number | '100%'
  /** px. */
  readonly height?: number
}) {
  return (
    <svg
      className={classes['course']}
      style={{ width, height }}
      viewBox={`0 0 ${WIDTH} ${HEIGHT}`}
      preserveAspectRatio="none"
      role="img"
      aria-label={label}
    >
      {bars(steps, window).map(({ x, width: wide, height, failed }) => (
        <g key={x}>
          <rect
            className={classes['ok']}
            x={x * WIDTH}
            y={(1 - height) * HEIGHT}
            width={wide * WIDTH}
            height={(height - failed) * HEIGHT}
          />
          <rect
            className={classes['failed']}
            x={x * WIDTH}
            y={(1 - failed) * HEIGHT}
            width={wide * WIDTH}
            height={failed * HEIGHT}
          />
        </g>
      ))}
      {placesOfMarks(marks, window).map((x) => (
        <line key={x} className={classes['mark']} x1={x * WIDTH} x2={x * WIDTH} y1={0} y2={HEIGHT} />
      ))}
    </svg>
  )
}
