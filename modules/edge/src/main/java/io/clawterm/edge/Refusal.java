package io.clawterm.edge;

import io.clawterm.protocol.Code;

/** Why a circuit or a connection ends. */
record Refusal(Code code, String text) {}
