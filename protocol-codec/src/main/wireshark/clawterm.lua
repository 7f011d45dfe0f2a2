-- A Wireshark dissector of the ClawTerm wire protocol, version 1.
-- Put it into the personal Lua plugin folder, or: wireshark -X lua_script:clawterm.lua
-- Other ports by "Decode As", or: tshark -d tcp.port==9000,clawterm
-- With TLS it needs the keys (tls.keylog_file) and sees what TLS carries.

local HEADER, OVERHEAD = 13, 15

local types = {
  [0x01] = "CONNECT", [0x02] = "ACCEPT", [0x03] = "RESUME", [0x04] = "RESUMED",
  [0x10] = "DATA", [0x20] = "KEEPALIVE", [0x30] = "SUSPEND", [0x40] = "DISCONNECT",
}
local without_session = { CONNECT = true, DISCONNECT = true }

local codes = {
  [0] = "OK", [1] = "SUSPENDED", [2] = "CLOSED", [3] = "TAKEN_OVER", [4] = "MOVED",
  [5] = "SHUTTING_DOWN", [16] = "PROTOCOL_ERROR", [17] = "BAD_CHECKSUM",
  [18] = "SEQUENCE_GAP", [19] = "UNSUPPORTED_VERSION", [20] = "UNAUTHENTICATED",
  [21] = "FORBIDDEN", [22] = "NO_SUCH_SESSION", [23] = "NO_SUCH_TARGET",
  [24] = "TOO_LARGE", [25] = "OVERLOADED", [26] = "INTERNAL",
}
local modes = { [0] = "TAKE_OVER", [1] = "SHARE", [2] = "WATCH" }

local clawterm = Proto("clawterm", "ClawTerm")

local f = clawterm.fields
f.flag = ProtoField.uint8("clawterm.flag", "FLAG", base.HEX)
f.session = ProtoField.uint32("clawterm.session", "SESSION_ID", base.HEX)
f.seq = ProtoField.uint32("clawterm.seq", "SEQ")
f.type = ProtoField.uint8("clawterm.type", "TYPE", base.HEX, types)
f.flags = ProtoField.uint8("clawterm.flags", "FLAGS", base.HEX)
f.more = ProtoField.bool("clawterm.flags.more", "MORE", 8, nil, 0x01)
f.event = ProtoField.bool("clawterm.flags.event", "EVENT", 8, nil, 0x02)
f.replay = ProtoField.bool("clawterm.flags.replay", "REPLAY", 8, nil, 0x04)
f.ack_now = ProtoField.bool("clawterm.flags.ack_now", "ACK_NOW", 8, nil, 0x08)
f.error = ProtoField.bool("clawterm.flags.error", "ERROR", 8, nil, 0x10)
f.unknown = ProtoField.uint8("clawterm.flags.unknown", "without a meaning", base.HEX, nil, 0xE0)
f.len = ProtoField.uint16("clawterm.len", "LEN")
f.payload = ProtoField.bytes("clawterm.payload", "PAYLOAD")
f.text = ProtoField.string("clawterm.payload.text", "Text", base.UNICODE)
f.crc = ProtoField.uint16("clawterm.crc", "CRC", base.HEX)
f.crc_status = ProtoField.string("clawterm.crc.status", "CRC status")
f.tag = ProtoField.uint8("clawterm.field.tag", "Tag", base.HEX)
f.field_len = ProtoField.uint16("clawterm.field.len", "Length")
f.field_value = ProtoField.bytes("clawterm.field.value", "Value")

-- number, name, exact size (nil for a text), constructor of the field, its further arguments
local tags = {}
local function tag(number, name, size, make, ...)
  local field = make("clawterm.field." .. name:lower(), name, ...)
  f["field_" .. name:lower()] = field
  tags[number] = { name = name, size = size, field = field }
end
tag(0x01, "VERSION", 1, ProtoField.uint8)
tag(0x02, "TARGET", nil, ProtoField.string, base.UNICODE)
tag(0x03, "CREDENTIAL", nil, ProtoField.string, base.UNICODE)
tag(0x04, "DEVICE", nil, ProtoField.string, base.UNICODE)
tag(0x05, "RESUME_TOKEN", 32, ProtoField.bytes)
tag(0x06, "LAST_SEQ", 8, ProtoField.uint64)
tag(0x07, "FIRST_SEQ", 8, ProtoField.uint64)
tag(0x08, "HEAD_SEQ", 8, ProtoField.uint64)
tag(0x09, "KEEPALIVE_MS", 4, ProtoField.uint32)
tag(0x0A, "MODE", 1, ProtoField.uint8, base.DEC, modes)
tag(0x0B, "WINDOW", 4, ProtoField.uint32)
tag(0x0C, "CODE", 2, ProtoField.uint16, base.DEC, codes)
tag(0x0D, "TEXT", nil, ProtoField.string, base.UNICODE)
tag(0x0E, "RETRY_AFTER_MS", 4, ProtoField.uint32)
tag(0x0F, "TERMINAL_SIZE", 4, ProtoField.bytes)
tag(0x10, "SESSION_KEY", nil, ProtoField.string, base.UNICODE)
tag(0x11, "ADDRESS", nil, ProtoField.string, base.UNICODE)
tag(0x12, "NONCE", 16, ProtoField.bytes)
tag(0x13, "EXPIRY_S", 4, ProtoField.uint32)
tag(0x14, "EVENTS", 1, ProtoField.uint8)
f.columns = ProtoField.uint16("clawterm.field.terminal_size.columns", "Columns")
f.rows = ProtoField.uint16("clawterm.field.terminal_size.rows", "Rows")

local e = clawterm.experts
e.no_flag = ProtoExpert.new("clawterm.no_flag", "A frame begins with 0x7E",
  expert.group.MALFORMED, expert.severity.ERROR)
e.bad_type = ProtoExpert.new("clawterm.unknown_type", "Unknown type",
  expert.group.PROTOCOL, expert.severity.ERROR)
e.no_session = ProtoExpert.new("clawterm.no_session", "Session id 0 in a type that needs a session",
  expert.group.PROTOCOL, expert.severity.ERROR)
e.bad_flags = ProtoExpert.new("clawterm.unknown_flags", "Flags without a meaning are set",
  expert.group.PROTOCOL, expert.severity.NOTE)
e.bad_crc = ProtoExpert.new("clawterm.bad_checksum", "Bad checksum",
  expert.group.CHECKSUM, expert.severity.ERROR)
e.truncated = ProtoExpert.new("clawterm.field_truncated", "A field ends after the payload",
  expert.group.MALFORMED, expert.severity.ERROR)
e.repeated = ProtoExpert.new("clawterm.field_repeated", "A tag is given twice",
  expert.group.PROTOCOL, expert.severity.ERROR)
e.size = ProtoExpert.new("clawterm.field_size", "A value of the wrong size",
  expert.group.PROTOCOL, expert.severity.ERROR)
e.later_tag = ProtoExpert.new("clawterm.unknown_tag", "A tag that this version does not know",
  expert.group.UNDECODED, expert.severity.NOTE)
e.refusal = ProtoExpert.new("clawterm.reason", "The end, with a reason",
  expert.group.RESPONSE_CODE, expert.severity.NOTE)
e.replayed = ProtoExpert.new("clawterm.replayed", "Sent because of a RESUME",
  expert.group.SEQUENCE, expert.severity.CHAT)

-- Wireshark brings "bit" with every Lua it has had (5.1 to 5.4), Lua 5.2 has "bit32" by itself;
-- the operators of 5.3 would not load on an older one.
local bxor, band, rshift
if bit32 then
  bxor, band, rshift = bit32.bxor, bit32.band, bit32.rshift
else
  bxor, band, rshift = bit.bxor, bit.band, bit.rshift
end
local crc_table = {}
for value = 0, 255 do
  local crc = value
  for _ = 1, 8 do
    crc = band(crc, 1) == 1 and bxor(rshift(crc, 1), 0xA001) or rshift(crc, 1)
  end
  crc_table[value] = crc
end
local function crc16(range)
  local bytes = range:bytes()
  local crc = 0
  for index = 0, bytes:len() - 1 do
    crc = bxor(rshift(crc, 8), crc_table[band(bxor(crc, bytes:get_index(index)), 0xFF)])
  end
  return crc
end

local function dissect_fields(range, tree, info)
  local at, seen = 0, {}
  while at < range:len() do
    local left = range:len() - at
    if left < 3 or left - 3 < range(at + 1, 2):uint() then
      tree:add_proto_expert_info(e.truncated)
      return
    end
    local number, length = range(at, 1):uint(), range(at + 1, 2):uint()
    local known = tags[number]
    local name = known and known.name or string.format("tag 0x%02X", number)
    local field = tree:add(clawterm, range(at, 3 + length), "Field: " .. name)
    field:add(f.tag, range(at, 1)):append_text(" (" .. name .. ")")
    field:add(f.field_len, range(at + 1, 2))
    if seen[number] then
      field:add_proto_expert_info(e.repeated)
    end
    seen[number] = true
    if not known then
      field:add_proto_expert_info(e.later_tag)
      if length > 0 then
        field:add(f.field_value, range(at + 3, length))
      end
    elseif (known.size and length ~= known.size) or (number == 0x04 and length > 64) then
      field:add_proto_expert_info(e.size)
      if length > 0 then
        field:add(f.field_value, range(at + 3, length))
      end
    elseif known.size then
      local value = range(at + 3, length)
      field:add(known.field, value)
      if known.name == "TERMINAL_SIZE" then
        field:add(f.columns, value(0, 2))
        field:add(f.rows, value(2, 2))
      elseif known.name == "CODE" then
        info.code = codes[value:uint()] or tostring(value:uint())
      end
    elseif length > 0 then
      local value = range(at + 3, length)
      field:add(known.field, value, value:string(ENC_UTF_8))
    else
      field:add(known.field, range(at + 3, 0), "")
    end
    at = at + 3 + length
  end
end

local function dissect_flags(range, tree)
  local item = tree:add(f.flags, range)
  for _, field in ipairs({ f.more, f.event, f.replay, f.ack_now, f.error, f.unknown }) do
    item:add(field, range)
  end
  local value = range:uint()
  if band(value, 0xE0) ~= 0 then
    item:add_proto_expert_info(e.bad_flags)
  end
  if band(value, 0x04) ~= 0 then
    item:add_proto_expert_info(e.replayed)
  end
  return value
end

-- A whole frame. Returns what the list of packets shows of it.
local function dissect_frame(range, root)
  local length = range:len() - OVERHEAD
  local session, seq = range(1, 4):uint(), range(5, 4):uint()
  local type = types[range(9, 1):uint()]
  local name = type or string.format("type 0x%02X", range(9, 1):uint())
  local summary = string.format("%s session=%08x seq=%d len=%d", name, session, seq, length)
  local tree = root:add(clawterm, range, "ClawTerm, " .. summary)

  tree:add(f.flag, range(0, 1))
  local session_item = tree:add(f.session, range(1, 4))
  if session == 0 and type and not without_session[type] then
    session_item:add_proto_expert_info(e.no_session)
  end
  tree:add(f.seq, range(5, 4)):append_text(type == "DATA" and " (its number)" or " (acknowledged)")
  local type_item = tree:add(f.type, range(9, 1))
  if not type then
    type_item:add_proto_expert_info(e.bad_type)
  end
  local flags = dissect_flags(range(10, 1), tree)
  tree:add(f.len, range(11, 2))
  local info = {}
  if length > 0 then
    local payload = range(HEADER, length)
    local item = tree:add(f.payload, payload)
    if type == "DATA" then
      item:add(f.text, payload, payload:string(ENC_UTF_8))
    else
      dissect_fields(payload, item, info)
    end
  end
  local crc_item = tree:add(f.crc, range(HEADER + length, 2))
  local computed, received = crc16(range(0, HEADER + length)), range(HEADER + length, 2):uint()
  if computed == received then
    crc_item:append_text(" [correct]")
    tree:add(f.crc_status, "Good"):set_generated()
  else
    crc_item:append_text(string.format(" [incorrect, should be 0x%04x]", computed))
    crc_item:add_proto_expert_info(e.bad_crc)
    tree:add(f.crc_status, "Bad"):set_generated()
    summary = summary .. " BAD CHECKSUM"
  end
  if info.code then
    summary = summary .. " " .. info.code
    if type == "DISCONNECT" then
      tree:add_proto_expert_info(e.refusal, "The end: " .. info.code)
    end
  end
  if band(flags, 0x04) ~= 0 then
    summary = summary .. " REPLAY"
  end
  return summary
end

function clawterm.dissector(buffer, pinfo, root)
  local at, shown = 0, {}
  while at < buffer:len() do
    local left = buffer:len() - at
    if buffer(at, 1):uint() ~= 0x7E then
      -- After damage there is no next frame to be found; the protocol forbids to guess.
      root:add(clawterm, buffer(at), "ClawTerm, not a frame"):add_proto_expert_info(e.no_flag)
      table.insert(shown, "not a frame")
      break
    end
    local length = left >= HEADER and OVERHEAD + buffer(at + 11, 2):uint() or nil
    if not length or length > left then
      pinfo.desegment_offset = at
      pinfo.desegment_len = length and length - left or DESEGMENT_ONE_MORE_SEGMENT
      break
    end
    table.insert(shown, dissect_frame(buffer(at, length), root))
    at = at + length
  end
  if #shown > 0 then
    pinfo.cols.protocol = "ClawTerm"
    pinfo.cols.info = table.concat(shown, "; ")
  end
  return buffer:len()
end

DissectorTable.get("tcp.port"):add(7220, clawterm)
local tls = DissectorTable.get("tls.alpn")
if tls then
  tls:add("clawterm/1", clawterm)
end
