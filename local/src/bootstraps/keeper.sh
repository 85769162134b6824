# Outlives the gateway, however that ends, and then ends the functions' processes: reads `+ GROUP` and `- GROUP` lines, and at
# the end of its input kills each group that is left and removes the directory that it was given.
trap '' INT TERM HUP
groups=' '
while read -r sign group; do
    case $sign in
        +) groups="$groups$group " ;;
        -) case $groups in *" $group "*) groups="${groups%% "$group" *} ${groups#* "$group" }" ;; esac ;;
    esac
done
for group in $groups; do
    kill -s KILL -- "-$group" 2>/dev/null
done
rm -rf -- "$1"
