// A peer to compare with: the shape of the Next.js example server in one Node process. A webhook comes in, its
// signature is checked, /start is asked with fetch, and the agent's answer is the answer.
//
// Environment: PORT, START_URL, PINLESS_HMAC_SECRET; NODE_EXTRA_CA_CERTS for the agent's authority.
import { createHmac, timingSafeEqual } from "node:crypto";
import { createServer } from "node:http";

const { PORT, START_URL, PINLESS_HMAC_SECRET } = process.env;
const secret = Buffer.from(PINLESS_HMAC_SECRET, "base64");

function isSigned(request, body) {
  const timestamp = request.headers["x-pinless-timestamp"] ?? "";
  const theirs = Buffer.from(request.headers["x-pinless-signature"] ?? "", "base64");
  const ours = createHmac("sha256", secret).update(`${timestamp}.`).update(body).digest();
  return theirs.length === ours.length && timingSafeEqual(theirs, ours);
}

function startRequest(call) {
  return {
    createDailyRoom: true,
    dailyRoomProperties: {
      enable_dialout: false,
      exp: Math.floor(Date.now() / 1000) + 300,
      sip: { display_name: call.From, sip_mode: "dial-in", num_endpoints: 1, codecs: { audio: ["OPUS"] } },
    },
    body: {
      dialin_settings: { From: call.From, To: call.To, call_id: call.callId, call_domain: call.callDomain },
    },
  };
}

async function answer(request, body) {
  if (!isSigned(request, body)) {
    return [401, { error: "the signature is wrong" }];
  }
  const call = JSON.parse(body);
  const started = await fetch(START_URL, {
    method: "POST",
    headers: {
      "Content-Type": "application/json",
      Authorization: "Bearer a-key-of-the-usual-length-and-form",
      "Idempotency-Key": call.callId, // by which the agent of the benchmark knows the call
    },
    body: JSON.stringify(startRequest(call)),
  });
  return [started.status, await started.json()];
}

const server = createServer(async (request, response) => {
  const pieces = [];
  for await (const piece of request) {
    pieces.push(piece);
  }
  const [status, body] = await answer(request, Buffer.concat(pieces)).catch((error) => {
    console.error(error);
    return [500, { error: String(error) }];
  });
  response.writeHead(status, { "Content-Type": "application/json" });
  response.end(JSON.stringify(body));
});
server.keepAliveTimeout = 120_000; // the caller of the benchmark opens its connections beforehand
server.listen({ port: Number(PORT), host: "127.0.0.1", backlog: 8192 });
