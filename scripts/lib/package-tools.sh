# SPDX-License-Identifier: MIT
# What make-packages and make-libtorch-package share. Sourced after common.sh, never run.
# shellcheck shell=bash disable=SC2154,SC2164 # common.sh sets what is not set here; callers have set -e

# Who answers for the packages: whoever builds them for others sets both.
maintainer="${DEBFULLNAME:-The STA authors} <${DEBEMAIL:-sta@example.org}>"

# Times in the packages are that of the sources, so that the same sources give the same packages.
export SOURCE_DATE_EPOCH=${SOURCE_DATE_EPOCH:-$(source_date)}

# begin_package NAME SOURCE VERSION: an empty $stage/NAME with what every package has; $stage/debian is where the tools
# of dpkg-dev work.
begin_package() {
  local name=$1 deploy=$sta_root/deploy/debian/$2 doc=$stage/$1/usr/share/doc/$1 changelog=changelog script
  install -d "$stage/$name/DEBIAN" "$doc" "$stage/debian"
  sed -e "s/@MAINTAINER@/$maintainer/" -e "s/@LIBTORCH@/$libtorch_version/g" "$deploy/control" >"$stage/debian/control"
  printf '%s (%s) stable; urgency=medium\n\n  * What is new: the history of the sources.\n\n -- %s  %s\n' "$2" "$3" "$maintainer" \
    "$(LC_ALL=C date -u -R -d "@$SOURCE_DATE_EPOCH")" >"$stage/debian/changelog"
  case $3 in *-*) changelog=changelog.Debian ;; esac
  gzip -9nc "$stage/debian/changelog" >"$doc/$changelog.gz"
  install -m 644 "$deploy/copyright" "$doc/copyright"
  if [ "$name" = "$2" ]; then
    for script in postinst prerm postrm; do
      if [ -e "$deploy/$script" ]; then install -m 755 "$deploy/$script" "$stage/$name/DEBIAN/$script"; fi
    done
    if [ -e "$deploy/lintian-overrides" ]; then install -D -m 644 "$deploy/lintian-overrides" "$stage/$name/usr/share/lintian/overrides/$name"; fi
  fi
}

# finish_package NAME SUBSTITUTIONS INTO DPKG-DEB-OPTION...: control file, checksums, and the package in the folder
# INTO.
finish_package() {
  local name=$1 substitutions=$2 into=$3
  shift 3
  (
    cd "$stage"
    printf '%s\n' "$substitutions" >debian/substvars
    dpkg-gencontrol -p"$name" -P"$stage/$name" -Tdebian/substvars -fdebian/files 2>debian/gencontrol.log || { cat debian/gencontrol.log >&2; exit 1; }
    cd "$name"
    find . -path ./DEBIAN -prune -o -type f -printf '%P\0' | LC_ALL=C sort -z | xargs -0r md5sum >DEBIAN/md5sums
    chmod -R u=rwX,go=rX .
  )
  dpkg-deb --root-owner-group "$@" --build "$stage/$name" "$into" >/dev/null
}

# strip_elf FILE...: as dh_strip does it for libraries. Nothing here has symbols for debugging.
strip_elf() { strip --strip-unneeded --remove-section=.comment --remove-section=.note "$@"; }

# need_tools: dpkg-dev, and lintian where it is wanted.
need_tools() {
  local tools=(dpkg-dev) missing
  if [ "${STA_LINTIAN:-no}" = yes ]; then tools+=(lintian); fi
  mapfile -t missing < <(missing_packages "${tools[@]}")
  if [ ${#missing[@]} -gt 0 ]; then install_packages "${missing[@]}"; fi
}

# run_lintian PACKAGE...: what lintian takes for an error is one.
run_lintian() {
  local root=()
  if [ "$(id -u)" = 0 ]; then root=(--allow-root); fi
  lintian "${root[@]}" --tag-display-limit 0 --fail-on error "$@" || die "lintian found errors."
}
