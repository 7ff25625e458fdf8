"""What the demonstration says, in English and Chinese: say("key", argument...). The language is the terminal's, by the launcher's rule."""
import os

TEXTS = {
    # --- starting and stopping ---
    "ready": ("The demonstration is ready after {0} s.", "演示环境已在 {0} 秒后就绪。"),
    "product": ("  FedLCM:           {0}", "  FedLCM：           {0}"),
    "login-admin": ("                    Log in as Admin with the password admin, and change it.", "                     请用账户 Admin 和密码 admin 登录，并尽快修改密码。"),
    "login-own": ("                    Log in as Admin with the password that was set.", "                     请用账户 Admin 和已设置的密码登录。"),
    "page": ("  Demo page:        {0}", "  演示说明页：       {0}"),
    "kubeconfig": ("  Kubeconfig {0}: {1}", "  {0} 的 kubeconfig：{1}"),
    "how-break": ("  Break something:  make demo-break IMAGE=mysql{0}   (or NODE=lab-b, or API=down; undo it: make demo-mend{0})", "  制造故障：make demo-break IMAGE=mysql{0}   （或 NODE=lab-b，或 API=down；恢复：make demo-mend{0}）"),
    "how-stop": ("  Stop:             Ctrl-C or \"make demo-stop{0}\"", "  停止：Ctrl-C 或 \"make demo-stop{0}\""),
    "wait": ("Starting two simulated Kubernetes clusters and FedLCM...", "正在启动两个模拟的 Kubernetes 集群和 FedLCM……"),
    "already": ("A demonstration is already running as process {0}: {1} (demo page: {2})", "演示环境已在运行（进程 {0}）：{1}（说明页：{2}）"),
    "busy": ("A demonstration is just being started or stopped by process {0}. Try again in a moment.", "演示环境正由进程 {0} 启动或停止，请稍后再试。"),
    "afresh": ("The database of the earlier demonstration in {0} was removed; this one starts afresh.", "已删除 {0} 中上一次演示的数据库，本次演示将重新开始。"),
    "elsewhere": ("Other accounts cannot read this checkout, so programs and state of the demonstration lie in {0}.", "其他账户无法读取此源码目录，因此演示环境的程序和状态放在 {0}。"),
    "ended": ("The demonstration has ended.", "演示环境已停止。"),
    "none": ("No demonstration is running. Start one: make demo", "没有正在运行的演示环境。启动：make demo"),
    "stop-foreign": ("The demonstration is running as process {0}, which cannot be told to stop from here ({1}). Stop it where it was started, or as its account.", "演示环境正在运行（进程 {0}），但无法从这里停止它（{1}）。请在启动它的地方或以其账户停止。"),
    "stop-late": ("Process {0} does not end. \"kill -9 {0}\" ends it and everything that it started.", "进程 {0} 没有结束。可用 \"kill -9 {0}\" 强制结束它以及它启动的全部程序。"),
    "part-ended": ("{0} has ended by itself (status {1}); the demonstration is being stopped. The last lines of {2}:", "{0} 已自行结束（状态 {1}），正在停止演示环境。{2} 的最后几行："),
    "part-simulator": ("The simulator of the clusters", "集群模拟器"),
    "part-product": ("FedLCM", "FedLCM"),
    "part-page": ("The demo page", "演示说明页"),
    "late": ("{0} did not come up within {1} seconds; everything is being stopped. The last lines of {2}:", "{0} 在 {1} 秒内未能启动，正在停止全部程序。{2} 的最后几行："),
    "notice": ("This kubeconfig belongs to an earlier demonstration. Take the one of the demonstration that runs now from {0}", "此 kubeconfig 属于之前的演示环境。请从 {0} 获取当前演示环境的 kubeconfig"),
    # --- settings ---
    "port-number": ("{0} is {1}; it must be a port number from 1 to {2}.", "{0} 的值为 {1}，应为 1 到 {2} 之间的端口号。"),
    "port-twice": ("{0} and {1} both name port {2}. Give each its own.", "{0} 与 {1} 使用了同一个端口 {2}，请分别设置不同的端口。"),
    "port-taken": ("Port {0} on {1} is in use by another program. Stop that, or choose another port: make demo {2}={3}", "{1} 的端口 {0} 已被其他程序占用。请停止该程序，或换一个端口：make demo {2}={3}"),
    "port-pod": ("Port {0} on {1} is in use by another program, perhaps one that listens on every address. The simulated KubeFATE needs it; stop that program.", "{1} 的端口 {0} 已被其他程序占用，可能是监听所有地址的程序。模拟的 KubeFATE 需要此端口，请停止该程序。"),
    "port-low": ("Port {0} is below 1024 and this account may not use it. Choose another one: make demo {1}={2}", "端口 {0} 小于 1024，当前账户无权使用。请换一个端口：make demo {1}={2}"),
    "port-absent": ("This machine cannot listen on {0}, port {1}: {2}. Choose an address of this machine in FEDLCM_LISTEN.", "本机无法监听 {0} 的端口 {1}：{2}。请在 FEDLCM_LISTEN 中选择本机的地址。"),
    "address": ("FEDLCM_LISTEN is {0}; it must be an IP address of this machine, or localhost.", "FEDLCM_LISTEN 的值为 {0}，应为本机的 IP 地址或 localhost。"),
    "built": ("{0} is not there, so nothing was started. Build and start it: make demo", "{0} 不存在，因此没有启动任何程序。构建并启动：make demo"),
    "no-simulator": ("{0} is not there; the demonstration needs it. Restore the checkout.", "{0} 不存在，而演示环境需要它。请恢复源码目录。"),
    "not-ours": ("{0} holds something else than a demonstration, so nothing was removed or started. Move it away, or choose another place in FEDLCM_DEMO_STATE.", "{0} 中的内容不属于演示环境，因此没有删除或启动任何内容。请将其移走，或在 FEDLCM_DEMO_STATE 中指定其他位置。"),
    "folder-foreign": ("{0} is not a folder of this account. Remove it as its owner, or choose another place in FEDLCM_DEMO_STATE.", "{0} 不是当前账户的目录。请以其所有者的身份将其删除，或在 FEDLCM_DEMO_STATE 中指定其他位置。"),
    "folder": ("{0} cannot be made ready: {1}. Check the rights of the folder above it and the free space, or choose another place in FEDLCM_DEMO_STATE.", "无法准备 {0}：{1}。请检查上级目录的权限和剩余空间，或在 FEDLCM_DEMO_STATE 中指定其他位置。"),
    "state-closed": ("The parts run as accounts of their own and cannot reach {0}, because {1} is closed to others. Choose another place in FEDLCM_DEMO_STATE.", "各部分以独立账户运行，无法访问 {0}，因为 {1} 不对其他账户开放。请在 FEDLCM_DEMO_STATE 中指定其他位置。"),
    "no-account": ("The simulator must not run as root, and this machine has no account for it. Start the demonstration as an ordinary user.", "模拟器不能以 root 运行，而本机没有可用的账户。请以普通用户启动演示环境。"),
    "no-python": ("No Python 3 with its ssl module was found that other accounts can run. Install the package python3.", "未找到其他账户可以运行且带有 ssl 模块的 Python 3。请安装软件包 python3。"),
    # --- break and mend ---
    "usage": ("Name one thing to break: make demo-break IMAGE=mysql [CLUSTER=lab-a], or NODE=lab-b, or API=down [CLUSTER=lab-a]. Undo it: make demo-mend",
              "请指定一项要制造的故障：make demo-break IMAGE=mysql [CLUSTER=lab-a]，或 NODE=lab-b，或 API=down [CLUSTER=lab-a]。恢复：make demo-mend"),
    "usage-mend": ("make demo-mend takes no settings: it undoes everything.", "make demo-mend 不接受参数：它会恢复全部故障。"),
    "api-value": ("API is {0}; the only value is down. To bring it back: make demo-mend", "API 的值为 {0}，只能是 down。恢复：make demo-mend"),
    "cluster-value": ("There is no cluster {0}; the clusters are {1}.", "没有名为 {0} 的集群；可用的集群：{1}。"),
    "node-value": ("Cluster {0} has no node {1}; its nodes are {2}.", "集群 {0} 没有节点 {1}；它的节点：{2}。"),
    "node-cluster": ("NODE={0} names its cluster already; leave CLUSTER out.", "NODE={0} 已指定集群，请去掉 CLUSTER。"),
    "image-value": ("No image has {0} in its name. Images of the demonstration: {1}", "没有名称包含 {0} 的镜像。演示环境的镜像：{1}"),
    "is-down": ("The API server of {0} is down, so nothing was changed. Bring it back first: make demo-mend", "{0} 的 API 服务器已关闭，因此没有更改任何内容。请先恢复：make demo-mend"),
    "no-answer": ("The API server of {0} does not answer: {1}", "{0} 的 API 服务器没有响应：{1}"),
    "image-broken": ("{0}: images that begin with {1} cannot be pulled any more.", "{0}：以 {1} 开头的镜像已无法拉取。"),
    "pods-gone": ("{0}: these pods were deleted, and their replacements will not start: {1}", "{0}：以下 Pod 已被删除，替代它们的 Pod 将无法启动：{1}"),
    "no-pods": ("{0}: no pod runs with such an image now; the next one that needs it will not start.", "{0}：目前没有使用此类镜像的 Pod；下一个需要它的 Pod 将无法启动。"),
    "node-broken": ("{0}: {1} takes no new pods any more (cordoned).", "{0}：{1} 不再接受新的 Pod（已封锁调度）。"),
    "node-empty": ("{0}: no other pods than KubeFATE's were there; the next deployment will wait for a node.", "{0}：除 KubeFATE 外没有其他 Pod；下一次部署将等待可用节点。"),
    "api-broken": ("{0}: the API server refuses connections. What runs there goes on, but nobody can see or change it.", "{0}：API 服务器拒绝连接。其中的程序继续运行，但无法查看或更改。"),
    "look-image": ("Look at {0}: within half a minute the federation's page shows a party that needs the image as Failed, its events say why, and a deployment under way names the image and until when it waits.", "请查看 {0}：半分钟内，联邦页面会将需要该镜像的参与方显示为失败，其事件会说明原因；正在进行的部署会说明在等待哪个镜像以及等到何时。"),
    "look-node": ("Look at {0}: within half a minute the parties on {1} are shown as Failed, their events say why, and a new deployment there says that no node takes its pods.", "请查看 {0}：半分钟内，{1} 上的参与方会显示为失败，其事件会说明原因；在其上新建的部署会说明没有节点可以接受它的 Pod。"),
    "look-api": ("Look at {0}: within a minute the endpoint and the parties on {1} are shown as failed with the reason; operations there wait, say for what, and go on by themselves.", "请查看 {0}：一分钟内，{1} 上的服务端点和参与方会显示为失败并说明原因；其上的操作会等待，说明在等待什么，并自动继续。"),
    "undo": ("Undo it: make demo-mend{0}", "恢复：make demo-mend{0}"),
    "mended-image": ("{0}: images that begin with {1} can be pulled again.", "{0}：以 {1} 开头的镜像可以重新拉取。"),
    "mended-node": ("{0}: {1} takes pods again.", "{0}：{1} 重新接受 Pod。"),
    "mended-api": ("{0}: the API server answers again.", "{0}：API 服务器已恢复响应。"),
    "mended": ("Everything is mended. FedLCM sees it with its next look, within a minute: {0}", "已全部恢复。FedLCM 会在下一次检查时（一分钟内）发现：{0}"),
    "nothing-broken": ("Nothing was broken.", "没有需要恢复的故障。"),
}


def of_tag(tag):
    """0 English, 1 Chinese, None neither: en, zh, zh_CN.UTF-8, zh-Hans ..."""
    head = tag.strip()[:3].lower()
    for n, code in enumerate(("en", "zh")):
        if head[:2] == code and head[2:] in ("", "-", "_"):
            return n
    return None


def terminal():
    e = os.environ
    return of_tag(e.get("LC_ALL") or e.get("LC_MESSAGES") or e.get("LANG") or "") or 0


def text(key, *args, lang=None):
    return TEXTS[key][terminal() if lang is None else lang].format(*args)


def say(key, *args, to=None):
    try:
        print(text(key, *args), file=to, flush=True)
    except OSError:
        pass  # the terminal may be gone; what was to be done is done all the same


class Refused(Exception):
    """Ends a command with status 1 and this sentence."""

    def __init__(self, key, *args):
        super().__init__(text(key, *args))
