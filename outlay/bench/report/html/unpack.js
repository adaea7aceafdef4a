// What the page carries packed: gzip in base64, decoded when it is first asked for.

const unpacked = new Map();

function bytesOf(id) {
  const packed = atob(document.getElementById(id).textContent.trim());
  const bytes = new Uint8Array(packed.length);
  for (let i = 0; i < packed.length; i++) bytes[i] = packed.charCodeAt(i);
  return bytes;
}

function inflated(id) {
  const stream = new Blob([bytesOf(id)]).stream().pipeThrough(new DecompressionStream("gzip"));
  return new Response(stream);
}

function unpack(id) {
  if (!unpacked.has(id)) unpacked.set(id, inflated(id).json());
  return unpacked.get(id);
}

async function unpackBytes(id) {
  return new Uint8Array(await inflated(id).arrayBuffer());
}
