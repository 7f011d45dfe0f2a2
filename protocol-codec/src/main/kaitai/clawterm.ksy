meta:
  id: clawterm
  title: ClawTerm wire protocol, version 1
  endian: be
  encoding: UTF-8
  license: MIT
  ks-version: 0.9
doc: |
  A stream of frames in one direction. Frames are not escaped and there is no way to find the next
  one after damage: whoever sees a bad checksum, an unknown type or a first byte other than 0x7E
  closes the connection and resumes the session on a new one.

  The checksum is CRC-16/ARC (polynomial 0x8005 reflected, initial 0, no final xor; "123456789"
  gives 0xBB3D) from `flag` to the end of `payload`; a reader made from this file must check it.
seq:
  - id: frames
    type: frame
    repeat: eos
types:
  frame:
    seq:
      - id: flag
        contents: [0x7e]
      - id: session_id
        type: u4
        doc: The virtual circuit; 0 only in connect, and in disconnect before there is a session.
      - id: seq
        type: u4
        doc: |
          data: the low 32 bits of this frame's number. Any other type: those of the highest number
          that was received in order from the other side.
      - id: type
        type: u1
        enum: frame_type
        valid:
          any-of:
            - frame_type::connect
            - frame_type::accept
            - frame_type::resume
            - frame_type::resumed
            - frame_type::data
            - frame_type::keepalive
            - frame_type::suspend
            - frame_type::disconnect
      - id: flags
        type: flags
        size: 1
      - id: len_payload
        type: u2
      - id: payload
        size: len_payload
        type:
          switch-on: type
          cases:
            'frame_type::connect': fields
            'frame_type::accept': fields
            'frame_type::resume': fields
            'frame_type::resumed': fields
            'frame_type::keepalive': fields
            'frame_type::suspend': fields
            'frame_type::disconnect': fields
      - id: crc
        type: u2
  flags:
    seq:
      - id: unknown
        type: b3
        doc: Zero when sent, ignored when received.
      - id: error
        type: b1
        doc: The payload carries an error code and text.
      - id: ack_now
        type: b1
        doc: The receiver answers with a keepalive at once.
      - id: replay
        type: b1
        doc: Sent because of a resume.
      - id: event
        type: b1
        doc: The entry is one JSON object in UTF-8; without it the entry is plain terminal bytes.
      - id: more
        type: b1
        doc: The entry goes on in the next data frame.
  fields:
    doc: In any order; a tag given twice is an error, an unknown one is skipped.
    seq:
      - id: fields
        type: field
        repeat: eos
  field:
    seq:
      - id: tag
        type: u1
        enum: tag
      - id: len_value
        type: u2
      - id: value
        size: len_value
        type:
          switch-on: tag
          cases:
            'tag::version': number_u1
            'tag::target': text
            'tag::credential': text
            'tag::device': text
            'tag::last_seq': number_u8
            'tag::first_seq': number_u8
            'tag::head_seq': number_u8
            'tag::keepalive_ms': number_u4
            'tag::mode': mode_value
            'tag::window': number_u4
            'tag::code': code_value
            'tag::text': text
            'tag::retry_after_ms': number_u4
            'tag::terminal_size': terminal_size
            'tag::session_key': text
            'tag::address': text
            'tag::expiry_s': number_u4
            'tag::events': number_u1
  number_u1:
    seq:
      - id: value
        type: u1
  number_u4:
    seq:
      - id: value
        type: u4
  number_u8:
    seq:
      - id: value
        type: u8
  mode_value:
    seq:
      - id: value
        type: u1
        enum: mode
  code_value:
    seq:
      - id: value
        type: u2
        enum: code
  terminal_size:
    seq:
      - id: columns
        type: u2
      - id: rows
        type: u2
  text:
    seq:
      - id: value
        type: str
        size-eos: true
enums:
  frame_type:
    0x01: connect
    0x02: accept
    0x03: resume
    0x04: resumed
    0x10: data
    0x20: keepalive
    0x30: suspend
    0x40: disconnect
  tag:
    0x01: version
    0x02: target
    0x03: credential
    0x04: device
    0x05: resume_token
    0x06: last_seq
    0x07: first_seq
    0x08: head_seq
    0x09: keepalive_ms
    0x0a: mode
    0x0b: window
    0x0c: code
    0x0d: text
    0x0e: retry_after_ms
    0x0f: terminal_size
    0x10: session_key
    0x11: address
    0x12: nonce
    0x13: expiry_s
    0x14: events
  mode:
    0: take_over
    1: share
    2: watch
  code:
    0: ok
    1: suspended
    2: closed
    3: taken_over
    4: moved
    5: shutting_down
    16: protocol_error
    17: bad_checksum
    18: sequence_gap
    19: unsupported_version
    20: unauthenticated
    21: forbidden
    22: no_such_session
    23: no_such_target
    24: too_large
    25: overloaded
    26: internal
