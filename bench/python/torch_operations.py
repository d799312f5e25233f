"""Times the operations of `bench/operations.json` in PyTorch with CUDA: eager and compiled, f32 and f16.

    python torch_operations.py OUT [--modes eager,compiled]

Writes OUT/torch-NAME.json for the report, NAME being that of the GPU. f32 is as PyTorch computes it by default, without TF32.
Needs torch 2 for `compiled`. Each time is the median of 7 samples, each of enough runs for 20 ms, measured by CUDA events.
"""
import argparse, datetime, json, os, re, statistics
import torch
import torch.nn.functional as F

OPERATIONS = os.path.join(os.path.dirname(os.path.abspath(__file__)), '..', 'operations.json')
SAMPLES = 7
SAMPLE_MS = 20


def name_of(op):
    """The name that the other benchmarks give it."""
    kind, of = op['kind'], op['of']
    times = lambda shape: '×'.join(map(str, shape))
    if kind == 'linear':
        return f"linear {op['rows']}×{op['inputs']}→{op['outputs']} ({of})"
    if kind == 'conv':
        suffix = f", stride {op['stride']}" if op.get('stride', 1) != 1 else ''
        return f"conv {op['kernel']}×{op['kernel']} {times(op['input'])}→{op['outputs']}{suffix} ({of})"
    if kind == 'attention':
        return f"attention b{op['batch']} h{op['heads']} d{op['dimHead']} {op['queries']}×{op['keys']} ({of})"
    if kind == 'groupNorm':
        return f"group norm + SiLU {times(op['input'])} ({of})"
    if kind == 'layerNorm':
        return f"layer norm {op['rows']}×{op['channels']} ({of})"
    return f"resize {times(op['input'])} to {op['side']} ({of})"


def nchw(op, like):
    """A feature map, channels-last in memory, which is the fastest layout of cuDNN's convolutions."""
    b, h, w, c = op['input']
    return torch.randn(b, c, h, w, **like).contiguous(memory_format=torch.channels_last)


def formula(op, like):
    """The operation, and its inputs on the device."""
    kind = op['kind']
    if kind == 'linear':
        return F.linear, (torch.randn(op['rows'], op['inputs'], **like), torch.randn(op['outputs'], op['inputs'], **like))
    if kind == 'conv':
        size, stride = op['kernel'], op.get('stride', 1)
        weight = torch.randn(op['outputs'], op['input'][3], size, size, **like).contiguous(memory_format=torch.channels_last)
        return (lambda x, w: F.conv2d(x, w, stride=stride, padding=(size - 1) // 2)), (nchw(op, like), weight)
    if kind == 'attention':
        tokens = lambda length: torch.randn(op['batch'], length, op['heads'] * op['dimHead'], **like)

        def attention(q, k, v):
            split = lambda t: t.unflatten(-1, (op['heads'], op['dimHead'])).transpose(1, 2)
            out = F.scaled_dot_product_attention(split(q), split(k), split(v), is_causal=op.get('causal', False))
            return out.transpose(1, 2).flatten(2)
        return attention, (tokens(op['queries']), tokens(op['keys']), tokens(op['keys']))
    if kind == 'groupNorm':
        channels = op['input'][3]
        weight, bias = torch.randn(channels, **like), torch.randn(channels, **like)
        return (lambda x, w, b: F.silu(F.group_norm(x, op['groups'], w, b))), (nchw(op, like), weight, bias)
    if kind == 'layerNorm':
        channels = op['channels']
        weight, bias = torch.randn(channels, **like), torch.randn(channels, **like)
        return (lambda x, w, b: F.layer_norm(x, (channels,), w, b)), (torch.randn(op['rows'], channels, **like), weight, bias)
    return (lambda x: F.interpolate(x, size=(op['side'], op['side']), mode='nearest')), (nchw(op, like),)


def milliseconds(run):
    start, end = torch.cuda.Event(enable_timing=True), torch.cuda.Event(enable_timing=True)

    def sample(repeats):
        start.record()
        for _ in range(repeats):
            run()
        end.record()
        end.synchronize()
        return start.elapsed_time(end) / repeats
    for _ in range(3):
        run()
    repeats = max(1, min(1000, int(SAMPLE_MS / max(sample(5), 1e-3))))
    return statistics.median(sample(repeats) for _ in range(SAMPLES))


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument('out')
    parser.add_argument('--modes', default='eager,compiled')
    args = parser.parse_args()
    if not torch.cuda.is_available():
        raise SystemExit('PyTorch finds no GPU with CUDA here.')
    with open(OPERATIONS, encoding='utf-8') as file:
        operations = json.load(file)
    rows = []
    with torch.inference_mode():
        for op in operations:
            for dtype, kind in (('f32', torch.float32), ('f16', torch.float16)):
                body, inputs = formula(op, {'device': 'cuda', 'dtype': kind})
                for mode in args.modes.split(','):
                    run = torch.compile(body, dynamic=False) if mode == 'compiled' else body
                    rows.append({'name': name_of(op), 'dtype': dtype, 'mode': mode, 'milliseconds': milliseconds(lambda: run(*inputs))})
                    print(rows[-1], flush=True)
    device = torch.cuda.get_device_name()
    label = re.sub(r'[^a-z0-9]+', '-', device.lower()).strip('-')
    result = {'group': 'torch', 'label': label, 'device': device, 'torch': torch.__version__,
              'date': datetime.date.today().isoformat(), 'rows': rows}
    os.makedirs(args.out, exist_ok=True)
    with open(os.path.join(args.out, f'torch-{label}.json'), 'w', encoding='utf-8') as file:
        json.dump(result, file, indent=1, ensure_ascii=False)


if __name__ == '__main__':
    main()
