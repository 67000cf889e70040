// biome-ignore-all lint/a11y/noNoninteractiveTabindex: a region that scrolls must be reachable with the keyboard
// biome-ignore-all lint/a11y/useSemanticElements: the rows of a real table cannot be positioned one by one
// biome-ignore-all lint/a11y/useFocusableInteractive: rows are no controls; what they hold is
import { Box, Text } from '@mantine/core'
import { useVirtualizer } from '@tanstack/react-virtual'
import { memo, type PointerEvent, type ReactNode, useRef } from 'react'
import styles from './virtual-table.module.css'

export interface Column<Row> {
  readonly key: string
  readonly header: string
  /** A track of a CSS grid: `120px`, `minmax(160px, 2fr)`. */
  readonly width: string
  readonly render: (row: Row) => ReactNode
  readonly right?: boolean
  /** Its header is for those only who do not see what its cells hold. */
  readonly unseen?: boolean
}

export interface VirtualTableProps<Row> {
  /** What the table lists, for those who do not see it. */
  readonly label: string
  readonly columns: readonly Column<Row>[]
  readonly rows: readonly Row[]
  readonly rowKey: (row: Row) => string
  /** Shown when there are no rows. */
  readonly empty: ReactNode
  /** Height of the part that scrolls. */
  readonly height?: string
}

const ROW_PX = 45

/**
 * What a cell has no room for is told when a pointer rests on it. Cells that say more of themselves keep what they say.
 */
function tellWhole({ target }: PointerEvent) {
  const cell = target instanceof Element ? target.closest<HTMLElement>('[role=cell]') : null
  if (!cell || cell.querySelector('[title]')) return
  cell.title = cell.scrollWidth > cell.clientWidth ? cell.innerText : ''
}

/** A table of any length: only the rows in sight are in the page. Long cells are cut, and shown whole by what they link to and under a pointer. */
export function VirtualTable<Row>({ label, columns, rows, rowKey, empty, height }: VirtualTableProps<Row>) {
  const scroller = useRef<HTMLDivElement>(null)
  const virtual = useVirtualizer({
    count: rows.length,
    getScrollElement: () => scroller.current,
    estimateSize: () => ROW_PX,
    overscan: 8,
    getItemKey: (index) => rowKey(rows[index]!),
  })
  const template = { gridTemplateColumns: columns.map(({ width }) => width).join(' ') }
  if (rows.length === 0) return empty
  return (
    <div
      ref={scroller}
      className={styles['scroller']}
      style={{ maxHeight: height ?? 'calc(100vh - 230px)' }}
      role="table"
      aria-label={label}
      aria-rowcount={rows.length + 1}
      tabIndex={0}
    >
      <div role="rowgroup" className={styles['head']}>
        <div role="row" aria-rowindex={1} className={styles['row']} style={template}>
          {columns.map(({ key, header, right, unseen }) => (
            <Text
              key={key}
              role="columnheader"
              size="xs"
              fw={600}
              c="dimmed"
              ta={right ? 'right' : 'left'}
              className={styles['cell']}
            >
              {unseen ? <span className="unseen">{header}</span> : header}
            </Text>
          ))}
        </div>
      </div>
      <Box role="rowgroup" pos="relative" onPointerOver={tellWhole} h={virtual.getTotalSize()}>
        {virtual.getVirtualItems().map((item) => {
          const row = rows[item.index]!
          return (
            <div
              key={item.key}
              role="row"
              aria-rowindex={item.index + 2}
              className={`${styles['row']} ${styles['body']}`}
              style={{ ...template, height: ROW_PX, transform: `translateY(${item.start}px)` }}
            >
              <Cells row={row} columns={columns as readonly Column<unknown>[]} />
            </div>
          )
        })}
      </Box>
    </div>
  )
}

interface CellsProps {
  readonly row: unknown
  readonly columns: readonly Column<unknown>[]
}

/** A row that is the same as before is not rendered again, wherever it stands now. `columns` should be the same from one time to the next. */
const Cells = memo(function Cells({ row, columns }: CellsProps) {
  return columns.map(({ key, render, right }) => (
    <div key={key} role="cell" className={styles['cell']} style={right ? { textAlign: 'right' } : undefined}>
      {render(row)}
    </div>
  ))
})
