import styles from './node-id.module.css'
import { cutNodeId } from './node-id-parts.ts'

/**
 * A node id where there may be too little room for it: replicas of one workload can be told apart. The text is the whole id, to copy and to
 * find; whoever shows it as a link names that with the id, since readers take the parts for words.
 */
export function NodeId({ node }: { readonly node: string }) {
  const { before, stem, replica, behind } = cutNodeId(node)
  return (
    <span className={styles['id']}>
      {before && <span className={styles['before']}>{before}</span>}
      <span className={styles['workload']}>
        <span className={styles['stem']}>{stem}</span>
        {replica && <span className={styles['replica']}>{replica}</span>}
      </span>
      {behind && <span className={styles['behind']}>{behind}</span>}
    </span>
  )
}
