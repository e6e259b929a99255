/** GPU time of each kernel by timestamp queries: profile.start(), then await profile.stop() gives [[kernel, dispatches, ms]], longest first. */
{
  const MOST = 2048; // passes between start and stop; further ones are not timed
  const state = { on: false, names: [], device: undefined, queries: undefined };
  const wrap = (owner, name, make) => {
    const original = owner.prototype[name];
    owner.prototype[name] = function (...args) {
      return make.call(this, original, args);
    };
  };
  wrap(GPUAdapter, 'requestDevice', async function (original, [descriptor = {}]) {
    const requiredFeatures = [...(descriptor.requiredFeatures ?? []), 'timestamp-query'];
    const device = await original.call(this, { ...descriptor, requiredFeatures });
    state.device = device;
    state.queries = device.createQuerySet({ type: 'timestamp', count: 2 * MOST });
    return device;
  });
  wrap(GPUDevice, 'createComputePipelineAsync', async function (original, [descriptor]) {
    const made = await original.call(this, descriptor);
    made.kernel = descriptor.compute.entryPoint;
    return made;
  });
  wrap(GPUCommandEncoder, 'beginComputePass', function (original, args) {
    if (!state.on || state.names.length >= MOST) return original.apply(this, args);
    const index = state.names.push('?') - 1;
    const timestampWrites = { querySet: state.queries, beginningOfPassWriteIndex: 2 * index, endOfPassWriteIndex: 2 * index + 1 };
    const pass = original.call(this, { timestampWrites });
    pass.index = index;
    return pass;
  });
  wrap(GPUComputePassEncoder, 'setPipeline', function (original, [pipeline]) {
    if (this.index !== undefined) state.names[this.index] = pipeline.kernel;
    return original.call(this, pipeline);
  });
  window.profile = {
    start() {
      state.names = [];
      state.on = true;
    },
    async stop() {
      state.on = false;
      const { device, names } = state;
      if (names.length === 0) return [];
      const size = names.length * 16;
      const resolved = device.createBuffer({ size, usage: GPUBufferUsage.QUERY_RESOLVE | GPUBufferUsage.COPY_SRC });
      const mapped = device.createBuffer({ size, usage: GPUBufferUsage.MAP_READ | GPUBufferUsage.COPY_DST });
      const encoder = device.createCommandEncoder();
      encoder.resolveQuerySet(state.queries, 0, 2 * names.length, resolved, 0);
      encoder.copyBufferToBuffer(resolved, 0, mapped, 0, size);
      device.queue.submit([encoder.finish()]);
      await mapped.mapAsync(GPUMapMode.READ);
      const times = new BigUint64Array(mapped.getMappedRange());
      const sums = new Map();
      names.forEach((name, i) => {
        const [count, ms] = sums.get(name) ?? [0, 0];
        sums.set(name, [count + 1, ms + Number(times[2 * i + 1] - times[2 * i]) / 1e6]);
      });
      return [...sums].map(([name, [count, ms]]) => [name, count, Number(ms.toFixed(1))]).sort((a, b) => b[2] - a[2]);
    },
  };
}
