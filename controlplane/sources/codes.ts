import type { Severity } from '../diagnostics/diagnostic.ts'

/** What one code means to the person who meets it. */
export interface SourceCodeEntry {
  readonly code: string
  readonly severity: Severity
  readonly title: string
  readonly explanation: string
  readonly whatToDo: string
}

/** Every complaint this room can make: about files and text as such, never about what a document means. */
export const sourceCodes = {
  SOURCE_YAML_SYNTAX: {
    code: 'SOURCE_YAML_SYNTAX',
    severity: 'error',
    title: 'The text is not YAML',
    explanation:
      'A document cannot be read. The other documents of the file are; this one keeps its last valid version, or stays absent if it never had one.',
    whatToDo:
      'Correct the text at the place named. Common causes: a tab, a wrong indentation, a missing quote or bracket.',
  },
  SOURCE_DUPLICATE_KEY: {
    code: 'SOURCE_DUPLICATE_KEY',
    severity: 'error',
    title: 'A key stands twice in one mapping',
    explanation:
      'Readers differ on which of the two values counts, so the document is refused and keeps its last valid version.',
    whatToDo: 'Remove or rename one of the two. If two documents ran together, put a line --- between them.',
  },
  SOURCE_KEY: {
    code: 'SOURCE_KEY',
    severity: 'error',
    title: 'A key is not a plain word',
    explanation:
      'Keys must be text, numbers or booleans (numbers and booleans are read as text). A mapping, a list, nothing at all or the word __proto__ is refused.',
    whatToDo: 'Write a plain key. A value such as {{ name }} is a template that was not filled in: render it first.',
  },
  SOURCE_ANCHOR: {
    code: 'SOURCE_ANCHOR',
    severity: 'error',
    title: 'An alias or merge key cannot be resolved',
    explanation:
      'An alias (*name) needs an anchor (&name) before it in the same document, may not contain itself, and << takes only mappings.',
    whatToDo: 'Define the anchor first. A value that starts with a star, such as a host *.example.com, needs quotes.',
  },
  SOURCE_TAG: {
    code: 'SOURCE_TAG',
    severity: 'warning',
    title: 'A YAML tag or directive is not understood',
    explanation:
      'Only the tags of the YAML 1.2 core schema have a meaning here; the value is read as text, or as what it looks like.',
    whatToDo: 'Remove the tag (a word after an exclamation mark) or the directive.',
  },
  SOURCE_AMBIGUOUS: {
    code: 'SOURCE_AMBIGUOUS',
    severity: 'warning',
    title: 'Kubernetes reads this value in another way',
    explanation:
      'Text is read by the YAML 1.2 core schema: yes, no, on, off, y and n are text and 0755 is 755. The reader of kubectl takes the words for booleans and the number as octal.',
    whatToDo: 'Write true or false for a boolean, quotes for text, and the number without leading zeros.',
  },
  SOURCE_ENCODING: {
    code: 'SOURCE_ENCODING',
    severity: 'error',
    title: 'The file is not UTF-8 text',
    explanation:
      'The file is binary, in another encoding, or holds control characters. It keeps its last valid documents.',
    whatToDo: 'Save the file as UTF-8, or move it out of the configuration folder.',
  },
  SOURCE_TOO_LARGE: {
    code: 'SOURCE_TOO_LARGE',
    severity: 'error',
    title: 'A file or document is too large',
    explanation:
      'Limits on bytes and on the number of values keep one file from stalling the control plane. It keeps its last valid documents.',
    whatToDo: 'Split it into several files or documents.',
  },
  SOURCE_ALIAS_LIMIT: {
    code: 'SOURCE_ALIAS_LIMIT',
    severity: 'error',
    title: 'Aliases make the document too large',
    explanation:
      'Every use of an alias counts as a copy of what it stands for; nested aliases can turn a few lines into billions of values.',
    whatToDo: 'Use fewer aliases, or write the values out in several documents.',
  },
  SOURCE_TOO_DEEP: {
    code: 'SOURCE_TOO_DEEP',
    severity: 'error',
    title: 'The document is nested too deeply',
    explanation: 'Mappings and lists inside each other are limited, written out or through aliases.',
    whatToDo: 'Flatten the document; no known kind comes near the limit.',
  },
  SOURCE_UNREADABLE: {
    code: 'SOURCE_UNREADABLE',
    severity: 'error',
    title: 'A file or folder cannot be read',
    explanation:
      'The operating system refused, or it is not a regular file. What was read from it before stays in force.',
    whatToDo: 'Check permissions, mounts and links. The file is tried again by itself.',
  },
  SOURCE_FOLDER_GONE: {
    code: 'SOURCE_FOLDER_GONE',
    severity: 'error',
    title: 'The configuration folder is gone',
    explanation:
      'A folder or file that was named as a source is missing, or was replaced by an empty folder. An empty mesh is never published for that; the last configuration stays in force.',
    whatToDo:
      'What was read from it stays in force. Bring it back, or restart with another one. To remove everything, delete the files and leave the folder.',
  },
  SOURCE_SYMLINK_LOOP: {
    code: 'SOURCE_SYMLINK_LOOP',
    severity: 'warning',
    title: 'A symbolic link leads into a loop',
    explanation: 'A link that leads to a folder above itself, or to itself, is not followed.',
    whatToDo: 'Remove the link or let it point outside its own folders.',
  },
  SOURCE_SAME_FILE: {
    code: 'SOURCE_SAME_FILE',
    severity: 'info',
    title: 'A file or folder is reached in two ways',
    explanation: 'Two paths lead to one file or folder by symbolic links. It is read once, under the first path.',
    whatToDo: 'Nothing, or remove the link.',
  },
  SOURCE_TOO_MANY_FILES: {
    code: 'SOURCE_TOO_MANY_FILES',
    severity: 'error',
    title: 'Too many files',
    explanation:
      'The number and the total size of files are limited. Files already in force stay; further ones are not read. A link behind which very much is no configuration is not followed at all.',
    whatToDo:
      'Name a smaller folder, or put several documents into one file. Let a link lead to the folder that holds configuration and to nothing above it.',
  },
  SOURCE_WATCH_LIMITED: {
    code: 'SOURCE_WATCH_LIMITED',
    severity: 'warning',
    title: 'Changes are found by looking, not by watching',
    explanation:
      'The operating system refused to watch a folder. Changes are found by comparing files every few seconds.',
    whatToDo: 'On Linux raise fs.inotify.max_user_watches and fs.inotify.max_user_instances.',
  },
} as const satisfies Record<string, SourceCodeEntry>

export type SourceCode = keyof typeof sourceCodes
