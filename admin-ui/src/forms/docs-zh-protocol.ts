/** What fields of Protocol documents are for, in Chinese, by the English of the schema. */
export const PROTOCOL_DOCS_ZH: Readonly<Record<string, string>> = {
  'A private binary protocol as data: frames, fields and replies.': '以数据描述的私有二进制协议：帧、字段与应答。',
  'A private protocol: how bytes become frames and frames become fields.': '私有协议：字节如何成帧，帧如何成字段。',
  'One sentence.': '一句话说明。',
  'Bytes: a number, or a sum of numbers, fields, number*field and end(field), as in `16 + bodyLength`.':
    '字节数：一个数字，或由数字、字段、数字*字段与 end(字段) 组成的和，例如 `16 + bodyLength`。',
  'Where it stands: bytes from the start.': '所在位置：从起点算起的字节数。',
  'It stands behind this field.': '位于此字段之后。',
  'Type of the length, as u32, u16le, leb128 or dec(6).': '长度的类型，例如 u32、u16le、leb128 或 dec(6)。',
  'Bits that are the length.': '表示长度的比特位。',
  'all: the whole frame, itself included; rest: what comes behind the field.':
    'all：整个帧，含自身；rest：该字段之后的部分。',
  'Bytes per unit; default 1.': '每个单位的字节数；默认 1。',
  'Bytes to add to what is counted.': '在所计字节数之外再加的字节数。',
  'A field that counts bytes, or a sum as `22 + classLen + headerLen + contentLen`, or a constant.':
    '一个计数字节的字段，或形如 `22 + classLen + headerLen + contentLen` 的和，或一个常数。',
  'The frame goes up to these bytes and has them at its end, instead of a length: a text, with \\n, \\r, \\0 and \\x01, or one byte as a number. A list: any of them; frames of the proxy get the first.':
    '不用长度，帧到这些字节为止并以其结尾：一段文本，可用 \\n、\\r、\\0 和 \\x01，或以数字表示的一个字节。列表：其中任意一个；代理自己的帧用第一个。',
  'Bytes that every frame with `until` begins with; offsets count from behind them. Where they are those of `until`: any number of them, or none.':
    '使用 `until` 的每个帧的起始字节；偏移从其后算起。若与 `until` 相同：可有任意多个，也可没有。',
  'The byte in front of one that is escaped.': '位于被转义字节之前的字节。',
  'Byte behind it: byte that is meant, as {0xdc: 0xc0, 0xdd: 0xdb}. Others are broken.':
    '其后的字节：所指的字节，例如 {0xdc: 0xc0, 0xdd: 0xdb}。其他视为损坏。',
  'The byte behind it has these bits turned, as 0x20.': '其后的字节翻转这些比特位，例如 0x20。',
  'Frames with `until` in whose content bytes are escaped: fields are those of the content as it is meant. Without `is` and `xor` the byte behind `by` is itself.':
    '内容中有转义字节的 `until` 帧：字段按还原后的内容计算。没有 `is` 和 `xor` 时，`by` 之后的字节就是其本身。',
  'Bytes that every frame ends with, counted by its length: a text, with \\n, \\0 and \\x01, or one byte as a number; "" in a variant: none. A frame without them closes the connection.':
    '每个帧的结尾字节，计入长度：一段文本，可用 \\n、\\0 和 \\x01，或以数字表示的一个字节；在变体中 "" 表示没有。缺少它们的帧会使连接关闭。',
  'The frame takes a multiple of so many bytes, zeros behind what `length` says.':
    '帧占用此字节数的整数倍，`length` 所示之后以零填充。',
  'Bytes from the start of the frame.': '从帧起点算起的字节数。',
  'An integer type, as u16.': '整数类型，例如 u16。',
  'The value, or the values, allowed.': '允许的一个或多个值。',
  'Bits that are looked at.': '所考察的比特位。',
  'Fixed values (magic, version); a frame without them closes the connection.':
    '固定值（魔数、版本）；不符的帧会使连接关闭。',
  'No frame is longer; default 1MiB.': '帧的最大长度；默认 1MiB。',
  'No frame is shorter; default: the end of the header.': '帧的最小长度；默认：头部结束处。',
  'How it is made.': '计算方法。',
  'Default: at the end of the frame, between `prefix` and `suffix`.': '默认：在帧尾，`prefix` 与 `suffix` 之间。',
  'The first byte it covers; default 0.': '覆盖的第一个字节；默认 0。',
  'The bits that are looked at.': '所考察的比特位。',
  'What they must be, or one of these; absent: any of them is set.': '须等于此值或其中之一；缺省：任意一位被置位。',
  'The value, or the values, it must not be.': '不得为的一个或多个值。',
  'A value or list of values, {mask, equals} (without equals: any of these bits), {not}, {min, max}, `present` or `absent`.':
    '一个值或值的列表、{mask, equals}（无 equals：任意一位）、{not}、{min, max}、`present` 或 `absent`。',
  'Only frames for which these hold have it.': '只有满足这些条件的帧才有。',
  'How it is written: in binary (the default), or as digits, as many as its largest value has.':
    '写法：二进制（默认），或数字，位数与其最大值相同。',
  'Bytes in front of it that it does not cover, as in 10=, the tag of FIX.':
    '位于其前且不被覆盖的字节，例如 FIX 的标签 10=。',
  'Bytes behind it.': '其后的字节。',
  'Over all bytes before it: crc32, crc32le (little-endian), crc16-ccitt (CCITT-FALSE), crc16-xmodem, crc16-modbus (low byte first), sum8, xor8; made anew when the proxy changes a frame, and put behind frames of its own.':
    '覆盖其前的全部字节：crc32、crc32le（小端）、crc16-ccitt（CCITT-FALSE）、crc16-xmodem、crc16-modbus（低字节在前）、sum8、xor8；代理改动帧时重新计算，并附在自己的帧之后。',
  'Where a frame ends.': '帧在何处结束。',
  'Offset from the start of the frame (of the container with `in`).': '从帧（有 `in` 时为容器）起点算起的偏移。',
  'Starts where this field ends: the same as at: end(field).': '从此字段的结束处开始：等同于 at: end(字段)。',
  'u8…u64, i8…i64 (big-endian; u16le…), leb128, zigzag, mqtt (varints; leb128(64)), ascii(n), bcd(n), dec(n) digits, str(u16), bytes(leb128), str(i16)? (nullable), str(leb128-1)? (length + 1, 0 = null), str or bytes with a size, cstr, until(=) (up to these bytes), hessian, map, list; in protobuf also int32…uint64, bool, fixed32, fixed64, message.':
    'u8…u64、i8…i64（大端；u16le…），leb128、zigzag、mqtt（变长整数；leb128(64)），ascii(n)、bcd(n)、dec(n) 数字，str(u16)、bytes(leb128)，str(i16)?（可为空），str(leb128-1)?（长度 + 1，0 为空），带 size 的 str 或 bytes，cstr，until(=)（到这些字节为止），hessian、map、list；protobuf 中还有 int32…uint64、bool、fixed32、fixed64、message。',
  'Bits of an integer that belong to the field; values keep their place on the wire.':
    '整数中属于该字段的比特位；值保持其在线上的位置。',
  'Names of values; with a mask, of the masked value as it stands on the wire.':
    '值的名称；有 mask 时为线上屏蔽后的值。',
  'A container: a map, or bytes that hold protobuf or further fields.':
    '容器：map，或含有 protobuf 或其他字段的 bytes。',
  'Path of protobuf field numbers inside the container: 5, "1.2" or [1, 2]; or of names, where the container has `proto`.':
    '容器内 protobuf 字段号的路径：5、"1.2" 或 [1, 2]；容器有 `proto` 时也可用名称。',
  'The .proto file, beside the document.': '与文档同目录的 .proto 文件。',
  'Name of the message in it.': '其中的消息名称。',
  'The bytes are this message of a .proto file beside the document: fields in it are named in `pb`, and need no type.':
    '这些字节是文档旁 .proto 文件中的此消息：其中的字段以 `pb` 指名，无需类型。',
  'Key of the entry in the map named by `in`: a text, or a number where keys are numbers; of a list the place, 0 the first, -1 the last.':
    '`in` 所指 map 中条目的键：文本，或键为数字时的数字；对列表为位置，0 为首个，-1 为最后一个。',
  'Length of a str, bytes or map without a prefix; `rest`: up to the end.':
    '没有前缀的 str、bytes 或 map 的长度；`rest`：直到结尾。',
  "Type of a map's keys, as str(u32), or u8 for numbers (tags).": 'map 的键类型，例如 str(u32)，数字（标签）用 u8。',
  "Type of a map's values, as str(u32) or bytes(u8).": 'map 的值类型，例如 str(u32) 或 bytes(u8)。',
  "Type of a list's texts, as str(u8) or until(,).": '列表中文本的类型，例如 str(u8) 或 until(,)。',
  'Integer type before the pairs of a map or the items of a list that counts them; absent: they fill the size.':
    '位于 map 的键值对或列表项之前、表示其个数的整数类型；缺省：它们填满 size。',
  'A map ends with this key, which nothing stands behind; a list with an empty item: "". The size may then be left out.':
    'map 以此键结束，其后没有值；列表以空项 "" 结束。此时可省略 size。',
  "Letters of a map's keys are the same in both cases (of ASCII), as in the headers of HTTP.":
    'map 的键不区分大小写（ASCII），如同 HTTP 头部。',
  'The map is a list of blocks, each a leb128 number and its pairs; these numbers hold pairs, others end the list.':
    'map 由若干块组成，每块为一个 leb128 数字及其键值对；这些数字的块含键值对，其他数字结束列表。',
  'Part of another text field; with split and part.': '另一文本字段的一部分；与 split 和 part 合用。',
  'The separator between the parts.': '各部分之间的分隔符。',
  'first: before the separator (absent without one); last: behind it, or all.':
    'first：分隔符之前（没有分隔符则不存在）；last：其后，或全部。',
  'The field is there only when these hold; it takes no bytes otherwise.': '仅当满足这些条件时存在；否则不占字节。',
  'A frame may end before the field.': '帧可在此字段之前结束。',
  'false: no filter may change it.': 'false：任何过滤器都不得更改。',
  'Zeros follow a str or bytes (with the length in front of it) up to a multiple of so many bytes; what counts its length does not count them. Of a map: each pair.':
    'str 或 bytes（含前面的长度）之后以零填充到此字节数的整数倍；其长度不计入填充。对 map：每个键值对。',
  'Longest value of a str or bytes; a longer one makes the frame malformed.':
    'str 或 bytes 的最大长度；超过则帧视为损坏。',
  'One sentence for people.': '给人看的一句话。',
  'How long an entry is, as of a frame: a field that counts `all` of it or the `rest`, or a sum as `4 + size`.':
    '条目的长度，与帧相同：计 `all` 或 `rest` 的字段，或形如 `4 + size` 的和。',
  'An entry takes a multiple of so many bytes; its length does not count them.':
    '条目占用此字节数的整数倍；其长度不计入填充。',
  'What the entry is called by; numbers may have names (`is`).': '条目的键；数字可有名称（`is`）。',
  "What else stands in an entry's header.": '条目头部的其他内容。',
  'Where the value begins; it goes to the end of the entry, and is bytes, unless it says other things.':
    '值的起点；除非另有说明，值直到条目结尾且为 bytes。',
  'Only entries for which this holds are meant; the others stay as they are.': '只针对满足条件的条目；其他保持原样。',
  'The entry for which this holds is the last.': '满足此条件的条目是最后一个。',
  'What stands in the fields of an entry that a filter adds; 0 in the others.':
    '过滤器添加的条目中各字段的值；其余为 0。',
  'How an entry is laid out: offsets count from its first byte.': '条目的布局：偏移从其首字节算起。',
  'Entries of a map that are laid out as frames are, or the name of a map that has the same.':
    '像帧一样布局的 map 条目，或布局相同的另一 map 的名称。',
  'request, response, oneway, heartbeat, heartbeatReply, push, goaway, handshake, either, opaque or cancel.':
    'request、response、oneway、heartbeat、heartbeatReply、push、goaway、handshake、either、opaque 或 cancel。',
  'Fields of which these conditions hold; without any it is every other frame.':
    '字段须满足的条件；没有则为其余所有帧。',
  'A field with `is: {value: kind}`, rules [{is, when}] of which the first that holds counts, or one kind for all.':
    '带 `is: {值: 类型}` 的字段，或取第一条成立的规则 [{is, when}]，或所有帧同一类型。',
  'Ids that mean something else, as "no reply": the proxy gives none of them on shared connections. It never gives 0.':
    '另有含义的编号，例如“无需应答”：代理在共享连接上不会使用它们，也从不使用 0。',
  'What joins a reply with its request. A list: the first is read, all are written.':
    '把应答与请求对应起来的编号。列表：读取第一个，写入全部。',
  'The code of a response: a field, or the name of one.': '应答的状态码：一个字段，或字段的名称。',
  'A response is an error reply when this holds; default: by the bits reply.error sets in `flags`.':
    '满足此条件的应答是错误应答；默认：按 reply.error 在 `flags` 中置的位判断。',
  'How long the client waits, in ms: a field, or the name of one.': '客户端等待多久（毫秒）：一个字段，或字段的名称。',
  'Below a number or a sum of fields, as `total` or `total - 1`.':
    '小于一个数或字段之和，例如 `total` 或 `total - 1`。',
  'A reply has several frames: more of them follow one of which this holds, and the first of which it does not is the last. `true`: a frame of this variant is never the last.':
    '应答由多帧组成：满足条件的帧之后还有帧，第一个不满足的是最后一帧。`true`：此变体的帧从不是最后一帧。',
  'Flag bits; default, where a reply sets them: the byte behind `kind`.':
    '标志位；应答要置位时默认：`kind` 之后的字节。',
  'What the proxy must know of a message.': '代理须了解的消息内容。',
  'What routes may match on.': '路由可匹配的字段。',
  'Name, for logs and complaints.': '名称，用于日志与提示。',
  'Only frames of this side are laid out so; for protocols whose frames do not say whose they are.':
    '只有这一侧的帧如此布局；用于帧本身不表明来自哪一侧的协议。',
  'Fields by which frames of this layout are known; without any it is every other one.':
    '识别此布局的帧所依据的字段；没有则为其余所有帧。',
  'What differs from the frame of all.': '与公共 frame 的不同之处。',
  'What differs from the message of all.': '与公共 message 的不同之处。',
  'Fields that only frames of this layout have.': '只有此布局的帧才有的字段。',
  '`request`: start with a copy of its first bytes. `hex …`: start with these.':
    '`request`：以请求开头字节的副本开始。`hex …`：以这些字节开始。',
  'How many bytes of the request to copy; default: the header.': '复制请求的多少字节；默认：头部。',
  'Field: number, name of a value, `body` (length of the body) or `code`.':
    '字段：数字、值的名称、`body`（内容长度）或 `code`。',
  'What follows: `u32 code`, `str(u16) message`, `u32 id`, `hex 00ff`, `text …`; {`leb128 size`: […]} puts a length in front.':
    '后续内容：`u32 code`、`str(u16) message`、`u32 id`、`hex 00ff`、`text …`；{`leb128 size`: […]} 在前面加上长度。',
  "The protocol's code for each of our reasons.": '各种原因在该协议中对应的代码。',
  'An error reply to a request; `close`: the protocol has none.': '对请求的错误应答；`close`：该协议没有。',
  'The answer to a heartbeat.': '对心跳的应答。',
  'Tells a client to send no new requests.': '通知客户端不再发送新请求。',
  'A heartbeat of our own to an idle upstream.': '代理发给空闲上游的心跳。',
  'Frames the proxy makes of this layout.': '代理以此布局生成的帧。',
  'Layouts that differ by a field; the first whose `when` holds counts.':
    '因某个字段而不同的布局；取第一个 `when` 成立的。',
  'Frames the proxy makes itself.': '代理自己生成的帧。',
  'Ways to use upstream connections, the preferred first; default bound, exclusive.':
    '使用上游连接的方式，首选在前；默认 bound、exclusive。',
  'The field with the trace of a request: `traceparent` as text, or a trace id as 16 bytes or 32 hex digits; or `map.key`.':
    '请求的追踪信息所在字段：文本形式的 `traceparent`，或 16 字节 / 32 位十六进制的 trace id；或 `map.key`。',
  'Who says the first word; default client. `upstream`: it is chosen when a client comes, by a route without `match`, and stays; connections are bound.':
    '谁先发言；默认 client。`upstream`：客户端到来时由没有 `match` 的路由选定并保持；连接为 bound。',
  'Replies come in the order of the requests and need no id.': '应答按请求的顺序返回，无需编号。',
  'A JavaScript module, relative to the document: exports `codec`, or `extendCodec(layoutCodec)`.':
    'JavaScript 模块，路径相对于文档：导出 `codec` 或 `extendCodec(layoutCodec)`。',
}
